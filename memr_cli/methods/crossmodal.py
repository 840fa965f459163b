"""Frames of each modality that look at those of every other."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset
from memr_cli.methods import temporal
from memr_cli.methods.fusion import at_least_two, width
from memr_cli.methods.method import Need
from memr_cli.methods.network import NetworkMethod
from memr_cli.methods.temporal import SequenceSettings, sequence_inputs
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.methods.network import Prepared

HIDDEN = 32
"""Units of a step; where three modalities meet, each has as many from both others."""

PRESETS = {
    Preset.DEFAULT: replace(
        temporal.PRESETS[Preset.DEFAULT], hidden=HIDDEN, batch_size=32, learning_rate=1e-3
    ),
    Preset.ORIGINAL: replace(temporal.PRESETS[Preset.ORIGINAL], hidden=HIDDEN),
}


def _prepared(data: Dataset, modalities: Sequence[str], settings: SequenceSettings) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.crossmodal import CrossModal

    inputs = sequence_inputs(data, modalities, settings)
    shape = (list(inputs.dims.values()), width(settings), inputs.n_classes)
    return inputs, ModuleArchitecture(lambda: CrossModal(*shape))


METHODS = (
    NetworkMethod(
        name="crossmodal",
        summary="attention between the frames of every two modalities",
        is_fusion=True,
        choose=at_least_two("crossmodal"),
        presets=PRESETS,
        prepare=_prepared,
        needs=frozenset({Need.FRAMES}),
    ),
)
