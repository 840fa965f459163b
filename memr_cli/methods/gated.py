"""Gated fusion: a learned weight for each modality of each utterance."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset
from memr_cli.methods.fusion import ENCODERS, EncoderSettings, at_least_two, width
from memr_cli.methods.network import WeighingNetwork, side_by_side

if TYPE_CHECKING:
    from memr_cli.methods.network import Prepared


def _prepared(data: Dataset, modalities: Sequence[str], settings: EncoderSettings) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.fusion import Gated

    inputs = side_by_side(data, modalities, modalities)
    shape = (inputs.blocks, width(settings), inputs.n_classes)
    return inputs, ModuleArchitecture(lambda: Gated(*shape))


METHODS = (
    WeighingNetwork(
        name="gated",
        summary="all modalities, weighed anew for each utterance",
        is_fusion=True,
        choose=at_least_two("gated"),
        presets=ENCODERS,
        prepare=_prepared,
    ),
)
