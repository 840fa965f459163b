"""The results of `memr ingest`, `memr info`, `memr check` and `memr synth`: corpora and stores."""

from memr_cli.results.schema import UNSET, Count, Part, Result, UnsetType, Value


class FrameCounts(Part):
    """Frames of the utterances that have a modality; null where none has."""

    min: Count | None
    median: int | float | None
    max: Count | None


class ModalityFacts(Part):
    """What a store holds of one modality."""

    dim: Count | None
    """Width of its features; null where the modality is absent."""
    present: Count
    missing: Count
    """Utterances with and without it."""
    frames: FrameCounts


class Content(Result, tag="memr.content/1"):
    """What a store holds, in counts."""

    synthetic: bool
    utterances: Count
    labelled: Count
    speakers: dict[str, Count]
    labels: dict[str, Count]
    sessions: dict[str, Count]
    dialogues: Count
    splits: dict[str, Count]
    modalities: dict[str, ModalityFacts]
    sequences: bool
    """Whether frames are kept beside the pooled vectors."""
    provenance: dict[str, Value]
    """How the store was made."""


class Problem(Part):
    """A feature file that could not be used."""

    utterance: str
    modality: str
    path: str
    reason: str


class Ingestion(Content, tag="memr.ingest/1"):
    """A corpus that became a store."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    reused: bool
    """Whether the store held exactly this already."""
    seconds: float | UnsetType = UNSET


class Info(Content, tag="memr.info/1"):
    """What a store holds and which methods it supports."""

    methods: tuple[str, ...]
    unsupported: dict[str, str]
    """Reasons, by method."""


class Violation(Part):
    """A rule of the store's format that is broken."""

    rule: str
    where: str
    found: str
    expected: str


class Check(Result, tag="memr.check/1"):
    """A store checked against every rule of its format."""

    violations: tuple[Violation, ...]
