"""Methods that keep the order of frames: an encoder for each modality, then gated fusion."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from memr_cli.data.dataset import Dataset
from memr_cli.methods.fusion import ENCODERS, EncoderSettings, width
from memr_cli.methods.method import Need
from memr_cli.methods.network import WeighingNetwork
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.learning.sequences import SequenceInputs
    from memr_cli.methods.network import Prepared


@dataclass(frozen=True)
class SequenceSettings(EncoderSettings):
    """hidden: units for each step of each modality, wherever it passes.

    max_frames: an utterance with more frames of a modality is cut into so many equal stretches, of
    which each is the mean of its frames.
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


def sequence_inputs(
    data: Dataset, modalities: Sequence[str], settings: SequenceSettings
) -> "SequenceInputs":
    """The frames of the modalities, as networks are fed with them."""
    from memr_cli.learning.sequences import SequenceInputs

    return SequenceInputs(
        source=data,
        dims={name: data.dims[name] for name in modalities},
        labels=data.columns.label,
        n_classes=len(data.class_names),
        most=settings.max_frames,
    )


def _prepared(
    data: Dataset, modalities: Sequence[str], settings: SequenceSettings, *, recurrent: bool
) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.temporal import GRUEncoder, Temporal, TransformerEncoder

    inputs = sequence_inputs(data, modalities, settings)
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
        prepare=partial(_prepared, recurrent=recurrent),
        needs=frozenset({Need.FRAMES}),
    )


METHODS = (
    _temporal("temporal-gru", "recurrent layers", recurrent=True),
    _temporal("temporal-transformer", "self-attention", recurrent=False),
)
