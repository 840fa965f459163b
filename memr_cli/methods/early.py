"""Early fusion: all modalities, each standardised by itself, side by side into one network."""

from dataclasses import replace

from memr_cli.methods import network
from memr_cli.methods.fusion import at_least_two
from memr_cli.methods.unimodal import feed_forward
from memr_cli.vocabulary import Preset

PRESETS = {
    # A missing modality is replaced by the training mean, and an input says that it is missing.
    Preset.DEFAULT: replace(network.PRESETS[Preset.DEFAULT], hidden=256, presence_indicator=True),
    # The published notebook trains early fusion at half the learning rate.
    Preset.ORIGINAL: replace(network.PRESETS[Preset.ORIGINAL], hidden=256, learning_rate=5e-4),
}

METHODS = (
    feed_forward(
        name="early",
        summary="one classifier of all modalities side by side",
        is_fusion=True,
        choose=at_least_two("early"),
        presets=PRESETS,
    ),
)
