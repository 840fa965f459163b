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
    metrics: str
    """Path of its metrics file, from the output folder."""
    preset: str
    n: Count
    """Utterances it scores."""
    votes: bool
    """Whether it gives shares of votes in place of probabilities."""
    settings: Settings


class Clusters(Part):
    """The clusters that the bootstrap resamples."""

    kind: str
    """`sessions` or `speakers`."""
    n: Count
    dialogues: Count
    speakers: Count


class Replicates(Part):
    """Draws of the resampling tests."""

    bootstrap: Count
    permutation: Count


class TTest(Part):
    """Corrected resampled t-test over folds; null where it is not defined."""

    statistic: Figure | None
    df: Count
    """Degrees of freedom."""
    p: Fraction | None


class Difference(Part):
    """The difference of two methods in one metric, second minus first, as fractions."""

    first: Figure
    second: Figure
    """Mean score over folds of each."""
    difference: Figure
    t: TTest
    ci95: Interval | None
    """95 % bootstrap interval of the difference."""
    p: Fraction
    """Of the permutation test over dialogues."""
    p_holm: Fraction
    """The same after Holm's correction over the pairs of the comparison."""


class Pair(Part):
    """Two of the methods, by label."""

    first: str
    second: str
    metrics: dict[str, Difference]
    """By key of the metric."""
    sentence: str


class ComparisonFiles(Part):
    """Path of the comparison."""

    comparison: str


class Comparison(Result, tag="memr.compare/1"):
    """Methods compared in pairs over the utterances that all of them scored."""

    synthetic: bool
    protocol: Protocol
    methods: tuple[ComparedMethod, ...]
    against: str | UnsetType = UNSET
    """Label of the only method that the others are compared with; only with `--against`."""
    subset: str
    normalize: dict[str, str | None]
    """By modality; null where the methods differ."""
    seeds: tuple[Count, ...]
    ensemble: bool | None
    """Null where the methods differ."""
    n: Count
    """Utterances that all methods scored."""
    left_out: Count
    """Utterances that only some of them scored."""
    clusters: Clusters
    replicates: Replicates
    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]
    hashes: dict[str, str]
    """SHA-256 of the metrics and predictions that were compared, by path from the output folder."""
    files: ComparisonFiles
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds; printed only."""

    def __post_init__(self) -> None:
        """Raise ValueError where it compares nothing."""
        if len(self.methods) < 2 or not self.pairs:
            raise ValueError("it compares nothing")
