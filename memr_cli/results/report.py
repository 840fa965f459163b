"""The result of `memr report`: its files, and the rows of its results table."""

from memr_cli.results.evaluation import Ties
from memr_cli.results.schema import (
    UNSET,
    Count,
    Fraction,
    Interval,
    Part,
    Result,
    UnsetType,
    Value,
)


class RowScore(Part):
    """One score of a row."""

    mean: Fraction | None
    """Mean over folds; null where it is undefined."""
    std: Fraction | None
    """Standard deviation over folds."""
    ci95: Interval | None
    """95 % interval of the mean."""


class Published(Part):
    """The figure of the published notebook on the same folds."""

    mean: Fraction
    """Mean F1-micro over folds."""
    std: Fraction
    """Standard deviation over folds."""


class Row(Part):
    """One method in the results table; what was not evaluated is null."""

    method: str
    """Name of the method."""
    evaluated: bool
    """Whether it has a result."""
    store: str
    """File name of the store."""
    fingerprint: str
    """SHA-256 of the store's content."""
    synthetic: bool
    """Whether the corpus is synthetic."""
    protocol: str
    """Name of the protocol."""
    preset: str
    """`default` or `original`."""
    folds: Count
    """Number of folds."""
    seeds: tuple[Count, ...]
    """Every seed."""
    overrides: dict[str, Value]
    """Settings given by hand in place of the preset's."""
    subset: str
    """IEMOCAP's dialogues that take part."""
    by_speaker: tuple[str, ...]
    """Modalities that are normalised by speaker."""
    transductive: bool
    """Whether features of test utterances, without their labels, shaped the model's input."""
    calibrate: str | None
    """`temperature`, or null."""
    ensemble: bool
    """Whether the probabilities of all seeds are averaged."""
    n: Count | None
    """Test utterances that it scores."""
    left_out: Count | None
    """Labelled test utterances that it cannot score."""
    metrics: dict[str, RowScore] | None
    """Scores by key of the metric."""
    ties: Ties | None
    """Of a vote, those that the tie rule decided."""
    published: Published | None
    """Null where the notebook has no such figure."""


class ReportFiles(Part):
    """Paths of the report's files."""

    csv: str
    """The results table."""
    latex: str
    """Tables for a paper."""
    markdown: str
    """The report as text."""
    html: str
    """The page."""
    figures: tuple[str, ...]
    """Every figure."""


class Report(Result, tag="memr.report/1"):
    """A report of everything in an output folder."""

    files: ReportFiles
    """Paths of the report's files."""
    rows: tuple[Row, ...]
    """The results table, five methods first."""
    notes: tuple[str, ...]
    """What was left out, and why."""
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds."""
