"""The result of `memr ablate`: what each modality is worth to a method. M modalities."""

from typing import Any

from memr_cli.evaluation.metrics import Table, metrics_of
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

_METRICS = {metric.key for metric in metrics_of(Table.ABLATE)}


class Spread(Part):
    """A score over folds, mean over draws and runs; null where it is undefined."""

    mean: Fraction | None
    """Mean over folds."""
    std: Fraction | None
    """Standard deviation over folds."""

    def __post_init__(self) -> None:
        """Raise ValueError where only one of both is defined."""
        if (self.mean is None) != (self.std is None):
            raise ValueError("a mean does not fit its standard deviation")


class SpreadWithInterval(Spread):
    """A score over folds with its interval."""

    ci95: Interval | None
    """95 % interval of the mean, by a clustered bootstrap."""


class Worth(Part):
    """A modality's Shapley value: what it adds to a score, mean over all orders of adding."""

    value: Figure | None
    """In points of the score as a fraction."""
    ci95: Interval | None
    """95 % bootstrap interval."""


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
    """By key of the metric."""


class LossPoint(Part):
    """Scores where utterances lose a modality at random at test time."""

    modality: str | None
    """The modality that is lost; null: each of them, independently."""
    share: Fraction
    """Probability of losing it."""
    metrics: dict[str, Spread]
    """By key of the metric."""

    @property
    def level(self) -> float:
        """The share, under the name that the level of noise has."""
        return self.share


class AblationFiles(Part):
    """Path of the ablation."""

    ablation: str
    """The ablation file."""


class Ablation(Result, tag="memr.ablate/1"):
    """One method scored without each of its modalities, under noise and under random loss."""

    synthetic: bool
    """Whether the corpus is synthetic."""
    method: str
    """Name of the method."""
    preset: str
    """`default` or `original`."""
    protocol: Protocol
    """Who is tested."""
    settings: Settings
    """Every value that shaped the numbers."""
    n: Count
    """Test utterances that the method scores."""
    modalities: tuple[str, ...]
    """The modalities that the method uses."""
    subsets: tuple[SubsetScores, ...]
    """All 2^M, by size, the empty one first."""
    shapley: dict[str, dict[str, Worth]]
    """By metric and modality."""
    shapley_retrained: dict[str, dict[str, Worth]] | None
    """The same with models trained without the others; null without `--retrain`."""
    noise: tuple[NoisePoint, ...]
    """Scores under noise."""
    loss: tuple[LossPoint, ...]
    """Scores under random loss."""
    notes: tuple[str, ...]
    """Sentences without a full stop that a reader should know."""
    transductive: bool
    """Whether features of test utterances, without their labels, shaped the model's input."""
    versions: dict[str, str]
    """Versions of memr and of the libraries that numbers depend on."""
    key: str
    """Hash of everything that shaped the numbers; another key means stale."""
    files: AblationFiles
    """Paths of the result's files."""
    hashes: dict[str, str]
    """SHA-256 of the checkpoints, by path below the output folder."""
    digest: str | UnsetType = UNSET
    """Hash of all the above, in the file."""
    reused: bool | UnsetType = UNSET
    """Whether the result was read, not made; printed only."""
    seconds: float | UnsetType = UNSET
    """Time the command took for it, in seconds; printed only."""

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
        again = [one.retrained for one in self.subsets if one.modalities]
        if any((one is None) != (self.shapley_retrained is None) for one in again):
            raise ValueError("only some of its scores are of models that were trained again")
        tables: list[dict[str, Any]] = [
            *(one.metrics for one in (*self.subsets, *points)),
            *(one for one in again if one is not None),
            self.shapley,
            self.shapley_retrained or self.shapley,
        ]
        if any(_METRICS - table.keys() for table in tables):
            raise ValueError("it lacks a metric")
        if any(one.modality not in {None, *names} for one in points):
            raise ValueError("its curves do not fit its modalities")
        scored = [set(self.shapley), *(set(one.metrics) for one in (*self.subsets, *points))]
        scored += [set(one.retrained) for one in self.subsets if one.retrained is not None]
        if self.shapley_retrained is not None:
            scored.append(set(self.shapley_retrained))
        if "accuracy" not in scored[0] or any(metrics != scored[0] for metrics in scored):
            raise ValueError("its metrics are not the same throughout")

    def with_only(self, *modalities: str) -> SubsetScores:
        """Return the scores with these modalities alone."""
        return next(one for one in self.subsets if set(one.modalities) == set(modalities))

    @property
    def whole(self) -> SubsetScores:
        """The scores with all modalities."""
        return self.with_only(*self.modalities)
