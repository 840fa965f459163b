"""Settings of an ingest."""

from dataclasses import dataclass

from memr_cli.corpora.classes import fault_in
from memr_cli.corpora.limits import MAX_FILE_BYTES
from memr_cli.errors import UsageError
from memr_cli.vocabulary import OnProblem, Pooling

__all__ = ["IngestSettings", "OnProblem"]


@dataclass(frozen=True)
class IngestSettings:
    """Settings of an ingest. Raises UsageError for class names that are not allowed."""

    pooling: Pooling = Pooling.MEAN
    sequences: bool = False
    class_names: tuple[str, ...] | None = None
    on_problem: OnProblem = OnProblem.KEEP
    overwrite: bool = False
    max_file_size: int = MAX_FILE_BYTES
    """Bytes of the largest file of the corpus, or member of its zip, that is read."""
    layout: str | None = None
    """The layout's name; None: recognised by content."""

    def __post_init__(self) -> None:
        fault = None if self.class_names is None else fault_in(self.class_names)
        if fault:
            raise UsageError(f"--classes: {fault}. Name them in the order of labels, as a,b,c")
