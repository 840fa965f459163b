"""What the trained fusions share: which modalities they take, and how they are trained."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from memr_cli.errors import UnsupportedError
from memr_cli.methods import unimodal
from memr_cli.methods.choices import Preset

DEFAULT = replace(unimodal.PRESETS[Preset.DEFAULT], presence_indicator=True)
ORIGINAL = unimodal.PRESETS[Preset.ORIGINAL]
"""The published notebook has none of these methods; they are trained as its others are."""


def at_least_two(method: str) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Takes all modalities held. Raises UnsupportedError for fewer than two."""

    def choose(held: Sequence[str]) -> tuple[str, ...]:
        if len(held) < 2:
            raise UnsupportedError(
                f"method {method} fuses at least two modalities, and the store holds "
                f"{', '.join(held)}. Use --method {held[0]}, or ingest a corpus with more "
                "modalities."
            )
        return tuple(held)

    return choose
