"""Methods that read the frames of each modality in their order."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from memr_cli.data.dataset import Dataset
from memr_cli.methods.fusion import ENCODERS, EncoderSettings, at_least_two, width
from memr_cli.methods.method import Need
from memr_cli.methods.network import NetworkMethod, WeighingNetwork
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.learning.sequences import SequenceInputs
    from memr_cli.methods.network import Prepared


@dataclass(frozen=True)
class SequenceSettings(EncoderSettings):
    """hidden: units of each step of each modality.

    max_frames: an utterance with more frames of a modality is cut into that many equal stretches,
    each represented by the mean of its frames.
    """

    max_frames: int = 64


PRESETS = {
    Preset.DEFAULT: replace(
        SequenceSettings(**asdict(ENCODERS[Preset.DEFAULT])),
        hidden=64,
        batch_size=64,
        learning_rate=2e-3,
        dropout=0.3,
        input_dropout=0.2,
        clip=1.0,
        warm_up=100,
    ),
    Preset.ORIGINAL: replace(SequenceSettings(**asdict(ENCODERS[Preset.ORIGINAL])), hidden=64),
}


def _inputs(
    data: Dataset, modalities: Sequence[str], settings: SequenceSettings
) -> "SequenceInputs":
    from memr_cli.learning.sequences import SequenceInputs

    return SequenceInputs(
        source=data,
        dims={name: data.dims[name] for name in modalities},
        labels=data.columns.label,
        n_classes=len(data.class_names),
        most=settings.max_frames,
    )


def _prepared_temporal(
    data: Dataset, modalities: Sequence[str], settings: SequenceSettings, *, recurrent: bool
) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.temporal import GRUEncoder, Temporal, TransformerEncoder

    inputs = _inputs(data, modalities, settings)
    shape = width(settings)

    def encoder(dim: int) -> Any:
        return GRUEncoder(dim, shape) if recurrent else TransformerEncoder(dim, shape)

    dims, n_classes = list(inputs.dims.values()), inputs.n_classes
    return inputs, ModuleArchitecture(lambda: Temporal(encoder, dims, shape.hidden, n_classes))


def _temporal(name: str, what: str, *, recurrent: bool) -> WeighingNetwork:
    return WeighingNetwork(
        name=name,
        summary=f"{what} over the frames of each modality, weighed anew for each utterance",
        is_fusion=True,
        choose=tuple,
        presets=PRESETS,
        prepare=partial(_prepared_temporal, recurrent=recurrent),
        needs=frozenset({Need.FRAMES}),
    )


CROSS_PRESETS = {
    # Where three modalities meet, each has this many units from both others.
    Preset.DEFAULT: replace(PRESETS[Preset.DEFAULT], hidden=32, batch_size=32, learning_rate=1e-3),
    Preset.ORIGINAL: replace(PRESETS[Preset.ORIGINAL], hidden=32),
}


def _prepared_crossmodal(
    data: Dataset, modalities: Sequence[str], settings: SequenceSettings
) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.temporal import CrossModal

    inputs = _inputs(data, modalities, settings)
    shape = (list(inputs.dims.values()), width(settings), inputs.n_classes)
    return inputs, ModuleArchitecture(lambda: CrossModal(*shape))


METHODS = (
    _temporal("temporal-gru", "recurrent layers", recurrent=True),
    _temporal("temporal-transformer", "self-attention", recurrent=False),
    NetworkMethod(
        name="crossmodal",
        summary="attention between the frames of every two modalities",
        is_fusion=True,
        choose=at_least_two("crossmodal"),
        presets=CROSS_PRESETS,
        prepare=_prepared_crossmodal,
        needs=frozenset({Need.FRAMES}),
    ),
)
