"""What a person asks of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memr_cli.errors import UsageError
from memr_cli.evaluation.protocols import check_n_folds
from memr_cli.vocabulary import (
    ALIASES,
    DEFAULT_FOLDS,
    MODALITIES,
    Calibration,
    Normalization,
    Preset,
    ProtocolName,
    Subset,
    is_modality_name,
)


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
