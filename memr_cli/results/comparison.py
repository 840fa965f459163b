"""The result of `memr compare`: methods compared in pairs over the same utterances."""

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
        """Raise ValueError where it compares nothing."""
        if len(self.methods) < 2 or not self.pairs:
            raise ValueError("it compares nothing")
