"""Settings and requirements that fusion methods share."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from memr_cli.errors import UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.network import PRESETS
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.learning.modules.layers import Width


DEFAULT = replace(PRESETS[Preset.DEFAULT], presence_indicator=True)
ORIGINAL = PRESETS[Preset.ORIGINAL]
"""The published notebook has none of these methods; they are trained like its others."""


@dataclass(frozen=True)
class EncoderSettings(TrainingSettings):
    """input_dropout: the share of standardised features that is dropped in training."""

    input_dropout: float = 0.0


ENCODERS = {
    Preset.DEFAULT: EncoderSettings(**asdict(DEFAULT), input_dropout=0.5),
    Preset.ORIGINAL: EncoderSettings(**asdict(ORIGINAL)),
}


def width(settings: EncoderSettings) -> "Width":
    """Return the part of the settings that encoders take."""
    from memr_cli.learning.modules.layers import Width

    return Width(settings.hidden, settings.dropout, settings.input_dropout)


def at_least_two(method: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return a function that takes all modalities held, and refuses fewer than two."""

    def choose(held: Sequence[str]) -> tuple[str, ...]:
        if len(held) < 2:
            raise UnsupportedError(
                f"method {method} fuses at least two modalities, and the store holds "
                f"{', '.join(held)}. Use --method {held[0]}, or ingest a corpus with more "
                "modalities."
            )
        return tuple(held)

    return choose
