"""Options that several commands share, each declared once, and what they are turned into."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from memr_cli.commands.console import Console
from memr_cli.errors import UsageError
from memr_cli.vocabulary import (
    Calibration,
    Preset,
    ProtocolName,
    Subset,
)
from memr_cli.vocabulary import ClassWeights as ClassWeightsName
from memr_cli.vocabulary import Device as DeviceName

if TYPE_CHECKING:
    from memr_cli.api import Options

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

Table = Annotated[
    bool, typer.Option("--table", help="A table where output is no terminal too, not JSON.")
]

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


@dataclass(frozen=True)
class CommonOptions:
    """The options that every command takes."""

    store: Store = DEFAULT_STORE
    out: Out = None
    quiet: Quiet = False
    verbose: Verbose = False
    as_json: Json = False
    as_table: Table = False

    @property
    def folder(self) -> Path:
        """The output folder: by default, the one that the store is in."""
        return self.store.parent if self.out is None else self.out

    def console(self) -> Console:
        """Return where the command's output goes. Raises UsageError for --json with --table."""
        if self.as_json and self.as_table:
            raise UsageError("--json and --table exclude each other; give one of them.")
        return Console(
            json=self.as_json, table=self.as_table, quiet=self.quiet, verbose=self.verbose
        )


@dataclass(frozen=True)
class TrainingOptions:
    """The options of every command that trains."""

    protocol: Protocol = ProtocolName.SPEAKER
    folds: Folds = None
    preset: TrainingPreset = Preset.DEFAULT
    seed: Seed = 0
    seeds: Seeds = 1
    epochs: Epochs = None
    patience: Patience = None
    batch_size: BatchSize = None
    learning_rate: LearningRate = None
    weight_decay: WeightDecay = None
    hidden: Hidden = None
    class_weights: ClassWeights = ClassWeightsName.NONE
    label_smoothing: LabelSmoothing = None
    subset: SubsetName = Subset.ALL
    normalize: Normalize = None
    device: Device = DeviceName.AUTO
    wait: Wait = None

    def keywords(self, common: CommonOptions, console: Console) -> "Options":
        """Return them as the Python interface takes them."""
        from memr_cli.api import Options

        given: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        said = Options(notice=console.notice, detail=console.detail, progress=console.progress)
        return cast("Options", {**given, "out": common.out, **said})


@dataclass(frozen=True)
class FusionTrainingOptions(TrainingOptions):
    """The options of commands that train methods of several modalities."""

    modality_dropout: ModalityDropout = None


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Expand each parameter that is a group of options into these options, for Typer to see.

    The command is called with the groups filled in.
    """
    signature = inspect.signature(command)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }
    expanded = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in groups
    ]
    for group in groups.values():
        expanded += [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=field.type,
            )
            for field in fields(group)
        ]

    @wraps(command)
    def called(**given: Any) -> None:
        filled = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **filled)

    called.__signature__ = signature.replace(parameters=expanded)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in expanded}
    del called.__wrapped__  # Typer would look at the signature below
    return called
