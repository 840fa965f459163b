"""What a person asks of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from memr_cli.errors import UsageError
from memr_cli.evaluation.protocols import check_n_folds
from memr_cli.vocabulary import (
    ALIASES,
    DEFAULT_FOLDS,
    MODALITIES,
    Calibration,
    ClassWeights,
    Normalization,
    Preset,
    ProtocolName,
    Subset,
    choice,
    is_modality_name,
)


class SettingOptions(TypedDict, total=False):
    """What a user may ask of an experiment, in words; what is left out has its default.

    normalize: `global` or `speaker`, or a list of these and of `MODALITY=speaker`. epochs to
    label_smoothing replace values of the preset.
    """

    protocol: str
    folds: int | None
    preset: str
    seed: int
    seeds: int
    epochs: int | None
    patience: int | None
    batch_size: int | None
    learning_rate: float | None
    weight_decay: float | None
    hidden: int | None
    modality_dropout: float | None
    class_weights: str
    label_smoothing: float | None
    subset: str
    normalize: str | Sequence[str] | None


@dataclass(frozen=True)
class ExperimentSettings:
    """Who is tested, how models are trained, and with which seeds.

    n_folds is for the protocol `speaker` alone. overrides: values that replace those of the preset,
    by their name in TrainingSettings. Seeds count up from `seed`. normalize: all modalities but
    those named in `normalize_each`. ensemble: whether the probabilities of all seeds are averaged
    before anything is decided. Raises UsageError for what cannot work or would have no effect.
    """

    protocol: ProtocolName = ProtocolName.SPEAKER
    n_folds: int | None = None
    preset: Preset = Preset.DEFAULT
    seed: int = 0
    n_seeds: int = 1
    overrides: Mapping[str, Any] = field(default_factory=dict)
    subset: Subset = Subset.ALL
    normalize: Normalization = Normalization.GLOBAL
    normalize_each: Mapping[str, Normalization] = field(default_factory=dict)
    calibrate: Calibration = Calibration.NONE
    ensemble: bool = False

    def __post_init__(self) -> None:
        check_n_folds(self.protocol, self.n_folds)
        if self.n_folds is not None and self.n_folds < 2:
            raise UsageError(f"--folds is {self.n_folds}; cross-validation needs at least 2.")
        if self.seed < 0:
            raise UsageError(f"--seed is {self.seed}; give a number from 0 up.")
        if self.n_seeds < 1:
            raise UsageError(f"--seeds is {self.n_seeds}; give a number from 1 up.")
        if self.ensemble and self.n_seeds < 2:
            raise UsageError(
                "--ensemble averages seeds and has no effect on one. Leave it out, or add "
                "--seeds 3."
            )
        if self.calibrate is Calibration.TEMPERATURE and self.preset is Preset.ORIGINAL:
            raise UsageError(
                "--calibrate needs validation rows, and --preset original has none; leave it out, "
                "or use --preset default."
            )

    @property
    def folds(self) -> int:
        """How many groups of speakers, where the protocol is `speaker`."""
        return DEFAULT_FOLDS if self.n_folds is None else self.n_folds

    @property
    def seeds(self) -> range:
        """Every seed to train with."""
        return range(self.seed, self.seed + self.n_seeds)

    def normalization(self, modality: str) -> Normalization:
        """How the features of a modality are normalised."""
        return self.normalize_each.get(modality, self.normalize)


def normalizations(
    asked: str | Sequence[str],
) -> tuple[Normalization, dict[str, Normalization]]:
    """From words `[MODALITY=]HOW`: how all are normalised, and how those that are named.

    Of several words on the same, the last counts. Raises UsageError for any other word.
    """
    for_all, for_each = Normalization.GLOBAL, {}
    for text in [asked] if isinstance(asked, str) else asked:
        name, separator, how = text.rpartition("=")
        modality = ALIASES.get(name, name)
        known = not separator or is_modality_name(modality)
        if how not in list(Normalization) or not known:
            raise UsageError(
                f"--normalize is {text}; give {' or '.join(Normalization)}, or for one modality "
                f"something like {MODALITIES[1]}={Normalization.SPEAKER}."
            )
        if separator:
            for_each[modality] = Normalization(how)
        else:
            for_all = Normalization(how)
    return for_all, for_each


_OVERRIDES = (
    *("epochs", "patience", "batch_size", "learning_rate", "weight_decay", "hidden"),
    *("label_smoothing", "modality_dropout"),
)
"""Options that replace a value of the preset, by their name in TrainingSettings."""


def settings_from(
    options: SettingOptions, *, calibrate: str = "none", ensemble: bool = False
) -> ExperimentSettings:
    """Return the settings that options ask for. Raises UsageError for what cannot work."""
    for_all, for_each = normalizations(options.get("normalize") or [])
    given: Mapping[str, Any] = {name: options.get(name) for name in _OVERRIDES}
    # Adding 0 turns -0.0 into 0.0, which is the same and would print differently.
    overrides = {name: value + 0 for name, value in given.items() if value is not None}
    weights = choice(ClassWeights, options.get("class_weights", "none"), "class-weights")
    if weights is not ClassWeights.NONE:
        overrides["class_weights"] = weights
    return ExperimentSettings(
        choice(ProtocolName, options.get("protocol", "speaker"), "protocol"),
        options.get("folds"),
        choice(Preset, options.get("preset", "default"), "preset"),
        options.get("seed", 0),
        options.get("seeds", 1),
        overrides=overrides,
        subset=choice(Subset, options.get("subset", "all"), "subset"),
        normalize=for_all,
        normalize_each=for_each,
        calibrate=choice(Calibration, calibrate, "calibrate"),
        ensemble=ensemble,
    )
