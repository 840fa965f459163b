"""The results of `memr ingest`, `memr info`, `memr check` and `memr synth`: corpora and stores."""

from memr_cli.results.schema import UNSET, Count, Part, Result, UnsetType, Value


class FrameCounts(Part):
    """Frames of the utterances that have a modality; null where none has."""

    min: Count | None
    """Fewest frames."""
    median: int | float | None
    """Median of the frames."""
    max: Count | None
    """Most frames."""


class ModalityFacts(Part):
    """What a store holds of one modality."""

    dim: Count | None
    """Width of its features; null where the modality is absent."""
    present: Count
    """Utterances with it."""
    missing: Count
    """Utterances without it."""
    frames: FrameCounts
    """Frames of the utterances that have it."""


class Content(Result, tag="memr.content/1"):
    """What a store holds, in counts."""

    synthetic: bool
    """Whether the corpus is synthetic."""
    utterances: Count
    """Utterances, labelled or not."""
    labelled: Count
    """Utterances with a label."""
    speakers: dict[str, Count]
    """Utterances of each speaker."""
    labels: dict[str, Count]
    """Utterances of each class."""
    sessions: dict[str, Count]
    """Utterances of each session."""
    dialogues: Count
    """Number of dialogues."""
    splits: dict[str, Count]
    """Utterances of each part of the published split."""
    modalities: dict[str, ModalityFacts]
    """What the store holds of each modality."""
    sequences: bool
    """Whether frames are kept beside the pooled vectors."""
    provenance: dict[str, Value]
    """How the store was made."""


class Problem(Part):
    """A feature file that could not be used."""

    utterance: str
    """Id of the utterance."""
    modality: str
    """The modality that the file is of."""
    path: str
    """Path of the file as the corpus names it."""
    reason: str
    """Why it could not be used, in words."""
    code: str
    """The same as a fixed word, such as `missing-file`."""


class Ingestion(Content, tag="memr.ingest/1"):
    """A corpus that became a store."""

    problems: tuple[Problem, ...]
    """Feature files that could not be used."""
    notes: tuple[str, ...]
    """Sentences without a full stop that a user should know."""
    reused: bool
    """Whether the store held exactly this already."""
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds."""


class Info(Content, tag="memr.info/1"):
    """What a store holds and which methods it supports."""

    methods: tuple[str, ...]
    """Methods that the store supports."""
    unsupported: dict[str, str]
    """Why others are not supported, by method."""


class Violation(Part):
    """A rule of the store's format that is broken."""

    rule: str
    """Id of the rule in FORMAT.md."""
    where: str
    """Object of the HDF5 file."""
    found: str
    """What is there."""
    expected: str
    """What the rule expects."""


class Check(Result, tag="memr.check/1"):
    """A store checked against every rule of its format."""

    violations: tuple[Violation, ...]
    """Every rule that is broken, with the place."""


class SyntheticSettings(Part):
    """The settings of a synthetic corpus."""

    utterances: Count
    """Turns in all, labelled or not."""
    unlabelled: float
    """Share of turns without a label."""
    missing: float
    """Share of feature files left out."""
    frames: Count
    """Mean length of a visual sequence."""
    visual_dim: Count
    """Width of a visual frame."""
    acoustic_dim: Count
    """Width of an acoustic frame."""
    lexical_dim: Count
    """Width of a lexical frame."""
    seed: Count
    """The seed of all randomness."""
    archive: bool
    """Whether features are in features.zip."""
    signal: str
    """What reveals the class of a turn: `pooled`, `order`, `dialogue` or `none`."""


class Synthesis(Result, tag="memr.synth/1"):
    """A synthetic corpus that was written."""

    synthetic: bool
    """Always true."""
    utterances: Count
    """Utterances, labelled or not."""
    labelled: Count
    """Utterances with a label."""
    speakers: Count
    """Number of speakers."""
    sessions: Count
    """Number of sessions."""
    dialogues: Count
    """Number of dialogues."""
    files: Count
    """Feature files."""
    bytes: Count
    """Size of the features."""
    settings: SyntheticSettings
    """The settings it was made with."""
    seconds: float | UnsetType = UNSET
    """Time the command took, in seconds."""


class LayoutFacts(Result, tag="memr.layouts/1"):
    """A layout of raw corpora."""

    name: str
    """Name that `--layout` takes."""
    description: str
    """What it looks like, in one line."""
    source: str
    """Citation or address."""
