"""The result of `memr ablate`: what each modality is worth to a method. M modalities."""

from memr_cli.results.schema import (
    UNSET,
    Count,
    Figure,
    Fraction,
    Interval,
    Part,
    Protocol,
    Result,
    UnsetType,
)
from memr_cli.results.settings import Settings


class Spread(Part):
    """A score over folds, mean over draws and runs; null where it is undefined."""

    mean: Fraction | None
    std: Fraction | None
    """Standard deviation over folds."""


class SpreadWithInterval(Spread):
    """A score over folds with its interval."""

    ci95: Interval | None
    """95 % interval of the mean, by a clustered bootstrap."""


class Worth(Part):
    """A modality's Shapley value: what it adds to a score, mean over all orders of adding."""

    value: Figure | None
    ci95: Interval | None


class SubsetScores(Part):
    """Scores with some modalities alone."""

    modalities: tuple[str, ...]
    """Those that are left."""
    metrics: dict[str, SpreadWithInterval]
    """With the others absent at test time."""
    retrained: dict[str, SpreadWithInterval] | None
    """With the others absent in training too; null without `--retrain`."""


class NoisePoint(Part):
    """Scores with Gaussian noise added to features at test time."""

    modality: str | None
    """The modality with noise; null: each of them."""
    level: Figure
    """Standard deviation of the noise, in those of the training part."""
    metrics: dict[str, Spread]


class LossPoint(Part):
    """Scores where utterances lose a modality at random at test time."""

    modality: str | None
    """The modality that is lost; null: each of them, independently."""
    share: Fraction
    """Probability of losing it."""
    metrics: dict[str, Spread]


class AblationFiles(Part):
    """Path of the ablation."""

    ablation: str


class Ablation(Result, tag="memr.ablate/1"):
    """One method scored without each of its modalities, under noise and under random loss."""

    synthetic: bool
    method: str
    preset: str
    protocol: Protocol
    settings: Settings
    n: Count
    """Test utterances that the method scores."""
    modalities: tuple[str, ...]
    subsets: tuple[SubsetScores, ...]
    """All 2^M, by size, the empty one first."""
    shapley: dict[str, dict[str, Worth]]
    """By metric and modality."""
    shapley_retrained: dict[str, dict[str, Worth]] | None
    noise: tuple[NoisePoint, ...]
    loss: tuple[LossPoint, ...]
    notes: tuple[str, ...]
    transductive: bool
    versions: dict[str, str]
    key: str
    """Hash of everything that shaped the numbers; another key means stale."""
    files: AblationFiles
    hashes: dict[str, str]
    """SHA-256 of the checkpoints, by path below the output folder."""
    digest: str | UnsetType = UNSET
    """Hash of all the above, in the file."""
    reused: bool | UnsetType = UNSET
    seconds: float | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        names = set(self.modalities)
        held = {frozenset(one.modalities) for one in self.subsets}
        every = 2 ** len(self.modalities)
        if len(self.subsets) != every or len(held) != every or any(one - names for one in held):
            raise ValueError("it does not hold every subset of its modalities")
        for values in (*self.shapley.values(), *(self.shapley_retrained or {}).values()):
            if set(values) != names:
                raise ValueError("its Shapley values do not fit its modalities")
        points: tuple[NoisePoint | LossPoint, ...] = (*self.noise, *self.loss)
        if any(one.modality not in {None, *names} for one in points):
            raise ValueError("its curves do not fit its modalities")

    def with_only(self, *modalities: str) -> SubsetScores:
        """Return the scores with these modalities alone."""
        return next(one for one in self.subsets if set(one.modalities) == set(modalities))

    @property
    def whole(self) -> SubsetScores:
        """The scores with all modalities."""
        return self.with_only(*self.modalities)
