"""Options that several commands share, and what they are turned into."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memr_cli.commands.console import Console
from memr_cli.errors import UsageError
from memr_cli.vocabulary import (
    ALIASES,
    MODALITIES,
    Calibration,
    Normalization,
    Preset,
    ProtocolName,
    Subset,
)
from memr_cli.vocabulary import ClassWeights as ClassWeightsName
from memr_cli.vocabulary import Device as DeviceName

if TYPE_CHECKING:
    from memr_cli.experiment.experiment import Place
    from memr_cli.experiment.settings import ExperimentSettings

DEFAULT_STORE = Path("memr.h5")

Store = Annotated[
    Path, typer.Option("--store", metavar="PATH", envvar="MEMR_STORE", help="The feature store.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        envvar="MEMR_OUT",
        help="Where checkpoints, metrics, predictions and report go. Default: the store's folder.",
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="On stderr, show errors only.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="On stderr, show more.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on a terminal too, not a table.")]

Protocol = Annotated[
    ProtocolName,
    typer.Option(
        help="Who is tested: `speaker` folds, leave one `session` out, leave one speaker out "
        "(`loso`), or the corpus's own `split`."
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(help="Groups of speakers, for --protocol speaker. Default: 5.", metavar="N"),
]
TrainingPreset = Annotated[
    Preset,
    typer.Option(
        "--preset",
        help="How models are trained: `default` chooses the epoch on validation speakers, "
        "`original` repeats the published notebook.",
    ),
]
Seed = Annotated[int, typer.Option(help="What all randomness comes from.", metavar="N")]
Seeds = Annotated[
    int, typer.Option(help="Train with N seeds, counting up from --seed.", metavar="N")
]
Epochs = Annotated[int | None, typer.Option(help="Epochs at most. Default: 50.", metavar="N")]
Patience = Annotated[
    int | None,
    typer.Option(
        help="Stop after N epochs without a better validation score. Default: 8.", metavar="N"
    ),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        help="Utterances per step, or dialogues for methods that read these. Default: 64 for most "
        "methods, 32 with preset original.",
        metavar="N",
    ),
]
LearningRate = Annotated[
    float | None, typer.Option(help="Step size of the optimiser.", metavar="X")
]
WeightDecay = Annotated[float | None, typer.Option(help="Shrinkage of weights.", metavar="X")]
Hidden = Annotated[
    int | None,
    typer.Option(
        help="Units of a network's first hidden layer, or of each encoder. Default: 128 for "
        "most methods, 256 for early.",
        metavar="N",
    ),
]
ModalityDropout = Annotated[
    float | None,
    typer.Option(
        help="In training, hide each modality of an utterance with probability P, so that fusion "
        "learns to do without. Default: 0.",
        metavar="P",
    ),
]
ClassWeights = Annotated[
    ClassWeightsName,
    typer.Option(
        help="How much rows count in training: `none` counts every row alike, `balanced` every "
        "class."
    ),
]
LabelSmoothing = Annotated[
    float | None,
    typer.Option(
        help="Share of each training target that is spread over all classes. Default: 0.",
        metavar="X",
    ),
]
SubsetName = Annotated[
    Subset,
    typer.Option(
        "--subset",
        help="Which of IEMOCAP's dialogues take part; what is outside counts as unlabelled.",
    ),
]
Normalize = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[MODALITY=]global|speaker",
        help="Standardise features by the training rows (`global`, the default) or first by each "
        "speaker's own mean and spread, test speakers' too, without labels. Repeat it for several "
        "modalities.",
    ),
]
Calibrate = Annotated[
    Calibration,
    typer.Option(
        help="Make probabilities say how often a decision is right: `temperature` fits one "
        "temperature a fold on validation rows."
    ),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble",
        help="Average the probabilities of all seeds, and score what they decide together. Needs "
        "--seeds.",
    ),
]
Device = Annotated[
    DeviceName,
    typer.Option(
        help="Where to train: `auto` takes a CUDA GPU where there is one. Rounding differs between "
        "devices, so nothing is trained again for a change of this alone."
    ),
]

Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        help="How long to wait for another memr that works on the same files. Default: until it "
        "is done.",
        metavar="SECONDS",
        min=0,
    ),
]


def experiment_settings(
    protocol: ProtocolName,
    folds: int | None,
    preset: Preset,
    seed: int,
    seeds: int,
    *,
    subset: Subset,
    normalize: list[str] | None,
    calibrate: Calibration = Calibration.NONE,
    ensemble: bool = False,
    class_weights: ClassWeightsName = ClassWeightsName.NONE,
    **training: float | None,
) -> "ExperimentSettings":
    """What was asked of an experiment. Raises UsageError for what cannot work."""
    from memr_cli.experiment.settings import ExperimentSettings

    for_all, for_each = normalizations(normalize or [])
    # Adding 0 turns -0.0 into 0.0, which is the same and would read otherwise.
    overrides: dict[str, Any] = {k: v + 0 for k, v in training.items() if v is not None}
    if class_weights is not ClassWeightsName.NONE:
        overrides["class_weights"] = class_weights
    return ExperimentSettings(
        protocol,
        folds,
        preset,
        seed,
        seeds,
        overrides=overrides,
        subset=subset,
        normalize=for_all,
        normalize_each=for_each,
        calibrate=calibrate,
        ensemble=ensemble,
    )


def normalizations(asked: list[str]) -> tuple[Normalization, dict[str, Normalization]]:
    """From words `[MODALITY=]HOW`: how all are normalised, and how those that are named.

    Of several words on the same, the last counts. Raises UsageError for any other word.
    """
    for_all, for_each = Normalization.GLOBAL, {}
    for text in asked:
        named, separator, how = text.rpartition("=")
        modality = ALIASES.get(named, named)
        if how not in list(Normalization) or (separator and modality not in MODALITIES):
            raise UsageError(
                f"--normalize is {text}; give {' or '.join(Normalization)}, or for one modality "
                f"something like {MODALITIES[1]}={Normalization.SPEAKER}."
            )
        if separator:
            for_each[modality] = Normalization(how)
        else:
            for_all = Normalization(how)
    return for_all, for_each


def place(
    store: Path, out: Path | None, console: Console, device: DeviceName, wait: float | None
) -> "Place":
    """Where an experiment reads, writes and trains, and whom it tells."""
    from memr_cli.experiment.experiment import Place

    folder = out_folder(store, out)
    return Place(store, folder, console.notice, console.detail, console.progress, device, wait)


def out_folder(store: Path, out: Path | None) -> Path:
    """The `--out` folder: by default, the one that the store lies in."""
    return store.parent if out is None else out
