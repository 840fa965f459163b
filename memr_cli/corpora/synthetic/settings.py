"""The settings of a synthetic corpus. Imports nothing heavy, since `--help` needs it."""

from dataclasses import dataclass
from enum import StrEnum

from memr_cli.errors import UsageError
from memr_cli.vocabulary import MODALITIES

SESSIONS = 5
"""Sessions of a synthetic corpus, of two speakers each."""


class Planted(StrEnum):
    """The part of a synthetic corpus that depends on the class of a turn."""

    POOLED = "pooled"
    """Every frame of the turn, all in the same way."""
    ORDER = "order"
    """Only the order of its frames."""
    DIALOGUE = "dialogue"
    """Its frames weakly, and those of the turns before and after it equally weakly."""
    NONE = "none"
    """Nothing."""


@dataclass(frozen=True)
class SyntheticSettings:
    """Settings of the corpus; the same settings give the same bytes.

    utterances: number of turns. unlabelled: share of turns without a label. missing: share of
    feature files that are left out, listed as empty paths. frames: mean length of a visual
    sequence; acoustic ones are twice as long. archive: write features.zip, not features/. signal:
    how features depend on the class.
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
        """Return the dims D of a modality."""
        return int(getattr(self, f"{modality}_dim"))
