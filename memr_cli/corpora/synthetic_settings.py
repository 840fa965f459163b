"""The settings of a synthetic corpus. Imports nothing heavy, since `--help` needs it."""

from dataclasses import dataclass
from enum import StrEnum

from memr_cli.errors import UsageError
from memr_cli.vocabulary import MODALITIES

SESSIONS = 5
"""Sessions of a synthetic corpus, of two speakers each."""


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
