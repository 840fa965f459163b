"""What a person may choose, in words and defaults. Imports nothing heavy: --help needs it."""

from dataclasses import dataclass
from enum import StrEnum

from memr_cli.errors import UsageError

MODALITIES = ("visual", "acoustic", "lexical")

ALIASES = {"video": "visual", "audio": "acoustic", "text": "lexical"}
"""Other words for the modalities, understood wherever a person names one."""

SESSIONS = 5
"""Sessions of a synthetic corpus, of two speakers each."""


class Pooling(StrEnum):
    """How the frames of an utterance become one vector."""

    MEAN = "mean"
    MAX = "max"


class OnProblem(StrEnum):
    """What a feature file that cannot be used does to an ingest."""

    KEEP = "keep"
    """The utterance stays without that modality, and the problem is listed."""
    FAIL = "fail"
    """Nothing is written."""


class Subset(StrEnum):
    """Which of IEMOCAP's dialogues take part; their utterances' ids tell which they are."""

    ALL = "all"
    IMPROVISED = "improvised"
    SCRIPTED = "scripted"


class Normalization(StrEnum):
    """What features are standardised with, before anything is learned from them."""

    GLOBAL = "global"
    """Mean and spread of the training rows."""
    SPEAKER = "speaker"
    """Each speaker's own mean and spread first, without labels; test speakers' too."""


class Planted(StrEnum):
    """What of a synthetic corpus tells the class of a turn."""

    POOLED = "pooled"
    """Every frame of the turn, in the same way."""
    ORDER = "order"
    """The order of its frames, and nothing else."""
    DIALOGUE = "dialogue"
    """Its frames faintly, and as faintly those of the turns before and after it."""
    NONE = "none"
    """Nothing."""


@dataclass(frozen=True)
class SyntheticSettings:
    """What shapes the corpus; the same settings give the same bytes.

    `utterances` counts all turns, of which a share `unlabelled` has no label; a share `missing` of
    the feature files is left out, listed as an empty path. `frames` is the mean length of a visual
    sequence; acoustic ones have twice as many. `archive` writes features.zip, not features/.
    `signal` says what tells the class of a turn.
    Raises UsageError for values that no corpus can have.
    """

    utterances: int = 1670
    unlabelled: float = 0.2
    missing: float = 0.03
    frames: int = 12
    visual_dim: int = 2048
    acoustic_dim: int = 128
    lexical_dim: int = 768
    seed: int = 0
    archive: bool = False
    signal: Planted = Planted.POOLED

    def __post_init__(self) -> None:
        least = {"utterances": 2 * SESSIONS, "frames": 1, "seed": 0}
        least |= {f"{modality}_dim": 1 for modality in MODALITIES}
        for name, minimum in least.items():
            value = getattr(self, name)
            if value < minimum:
                raise UsageError(
                    f"a synthetic corpus needs {name} of at least {minimum}, not {value}"
                )
        for name in ("unlabelled", "missing"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise UsageError(f"--{name} is {value}; give a share from 0 to below 1.")

    def dim(self, modality: str) -> int:
        """D of a modality."""
        return int(getattr(self, f"{modality}_dim"))
