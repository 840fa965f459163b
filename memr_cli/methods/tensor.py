"""Low-rank tensor fusion: products of units of all modalities, by few parameters."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset
from memr_cli.methods.fusion import ENCODERS, EncoderSettings, at_least_two, width
from memr_cli.methods.network import NetworkMethod, side_by_side

if TYPE_CHECKING:
    from memr_cli.methods.network import Prepared


@dataclass(frozen=True)
class TensorSettings(EncoderSettings):
    """rank: how many outer products the weight tensor is the sum of."""

    rank: int = 4


def _prepared(data: Dataset, modalities: Sequence[str], settings: TensorSettings) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.fusion import LowRankTensor

    inputs = side_by_side(data, modalities, modalities)
    shape = (inputs.blocks, width(settings), settings.rank, inputs.n_classes)
    return inputs, ModuleArchitecture(lambda: LowRankTensor(*shape))


METHODS = (
    NetworkMethod(
        name="tensor",
        summary="products of all modalities, by tensors of low rank",
        is_fusion=True,
        choose=at_least_two("tensor"),
        presets={
            preset: TensorSettings(**asdict(settings)) for preset, settings in ENCODERS.items()
        },
        prepare=_prepared,
    ),
)
