"""The result of `memr compare`: methods compared in pairs over the same utterances."""

import msgspec

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

_METRICS = {metric.key for metric in metrics_of(Table.COMPARE)}


class ComparedMethod(Part):
    """One of the methods."""

    label: str
    """Unique name in this comparison."""
    method: str
    """Name of the method."""
    metrics: str
    """Path of its metrics file, from the output folder."""
    preset: str
    """`default` or `original`."""
    n: Count
    """Utterances it scores."""
    votes: bool
    """Whether it gives shares of votes in place of probabilities."""
    settings: Settings
    """Every value that shaped its numbers."""


class Clusters(Part):
    """The clusters that the bootstrap resamples."""

    kind: str
    """`sessions` or `speakers`."""
    n: Count
    """Number of clusters."""
    dialogues: Count
    """Number of dialogues."""
    speakers: Count
    """Number of speakers."""


class Replicates(Part):
    """Draws of the resampling tests."""

    bootstrap: Count
    """Replicates of the bootstrap."""
    permutation: Count
    """Arrangements of the permutation test."""


class TTest(Part):
    """Corrected resampled t-test over folds; null where it is not defined."""

    statistic: Figure | None
    """t."""
    df: Count
    """Degrees of freedom."""
    p: Fraction | None
    """Two-sided p-value."""


class Difference(Part):
    """The difference of two methods in one metric, second minus first, as fractions."""

    first: Figure
    """Mean score of the first over folds."""
    second: Figure
    """Mean score of the second over folds."""
    difference: Figure
    """Second minus first."""
    t: TTest
    """Corrected resampled t-test over folds."""
    ci95: Interval | None
    """95 % bootstrap interval of the difference."""
    p: Fraction
    """Of the permutation test over dialogues."""
    p_holm: Fraction
    """The same after Holm's correction over the pairs of the comparison."""

    def turned(self) -> "Difference":
        """Return the same difference as first minus second."""
        return msgspec.structs.replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            ci95=self.ci95 and (-self.ci95[1], -self.ci95[0]),
        )

    @property
    def is_significant(self) -> bool:
        """Whether p after Holm's correction is below 0.05."""
        return self.p_holm < 0.05

    @property
    def reaches_zero(self) -> bool:
        """Whether the interval contains 0; without an interval, False."""
        return self.ci95 is not None and self.ci95[0] <= 0 <= self.ci95[1]

    @property
    def is_established(self) -> bool:
        """Whether the permutation test finds a difference and the interval excludes 0."""
        return self.is_significant and not self.reaches_zero


class Pair(Part):
    """Two of the methods, by label."""

    first: str
    """Label of the first method."""
    second: str
    """Label of the second method."""
    metrics: dict[str, Difference]
    """Their difference by key of the metric."""
    sentence: str
    """What it means, in words."""

    def against(self, label: str) -> "Pair":
        """Return the pair with the method called `label` as the first, which is subtracted."""
        if self.first == label:
            return self
        turned = {name: found.turned() for name, found in self.metrics.items()}
        return Pair(first=self.second, second=self.first, metrics=turned, sentence=self.sentence)


class ComparisonFiles(Part):
    """Path of the comparison."""

    comparison: str
    """The comparison file."""


class Comparison(Result, tag="memr.compare/1"):
    """Methods compared in pairs over the utterances that all of them scored."""

    synthetic: bool
    """Whether the corpus is synthetic."""
    protocol: Protocol
    """Who is tested."""
    methods: tuple[ComparedMethod, ...]
    """The methods in the order named."""
    against: str | UnsetType = UNSET
    """Label of the only method that the others are compared with; only with `--against`."""
    subset: str
    """IEMOCAP's dialogues that take part."""
    normalize: dict[str, str | None]
    """By modality; null where the methods differ."""
    seeds: tuple[Count, ...]
    """Every seed."""
    ensemble: bool | None
    """Whether the probabilities of all seeds are averaged; null where the methods differ."""
    n: Count
    """Utterances that all methods scored."""
    left_out: Count
    """Utterances that only some of them scored."""
    clusters: Clusters
    """The clusters that the bootstrap resamples."""
    replicates: Replicates
    """Draws of the resampling tests."""
    pairs: tuple[Pair, ...]
    """Each pair of methods."""
    notes: tuple[str, ...]
    """Sentences without a full stop that a reader should know."""
    hashes: dict[str, str]
    """SHA-256 of the metrics and predictions that were compared, by path from the output folder."""
    files: ComparisonFiles
    """Paths of the result's files."""
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds; printed only."""

    def __post_init__(self) -> None:
        """Raise ValueError where it compares nothing or a pair lacks a metric."""
        if any(_METRICS - pair.metrics.keys() for pair in self.pairs):
            raise ValueError("a pair lacks a metric")
        if len(self.methods) < 2 or not self.pairs:
            raise ValueError("it compares nothing")

    @property
    def most_accurate(self) -> str:
        """The label of the method with the highest mean accuracy over these utterances."""
        found: dict[str, float] = {}
        for pair in self.pairs:
            accuracy = pair.metrics["accuracy"]
            found[pair.first], found[pair.second] = accuracy.first, accuracy.second
        return max(found, key=lambda label: found[label])
