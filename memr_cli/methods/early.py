"""Early fusion: all modalities, each standardised by itself, side by side into one network."""

from collections.abc import Sequence
from dataclasses import replace

from memr_cli.errors import UnsupportedError
from memr_cli.methods import unimodal
from memr_cli.methods.choices import Preset
from memr_cli.methods.feedforward import feed_forward

PRESETS = {
    # An utterance that lacks a modality gets the training mean there and an input that says so.
    Preset.DEFAULT: replace(unimodal.PRESETS[Preset.DEFAULT], hidden=256, presence_indicator=True),
    # The published notebook trains early fusion at half the learning rate.
    Preset.ORIGINAL: replace(unimodal.PRESETS[Preset.ORIGINAL], hidden=256, learning_rate=5e-4),
}


def _all_held(held: Sequence[str]) -> tuple[str, ...]:
    if len(held) < 2:
        raise UnsupportedError(
            f"method early fuses at least two modalities, and the store holds {', '.join(held)}. "
            f"Use --method {held[0]}, or ingest a corpus with more modalities."
        )
    return tuple(held)


METHODS = (
    feed_forward(
        name="early",
        summary="one classifier of all modalities side by side",
        is_fusion=True,
        choose=_all_held,
        presets=PRESETS,
    ),
)
