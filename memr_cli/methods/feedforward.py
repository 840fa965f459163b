"""Feed-forward networks over one or several modalities: the shape that several methods share."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.network import NetworkMethod
from memr_cli.methods.side_by_side import side_by_side
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.methods.network import Prepared


def feed_forward(
    name: str,
    summary: str,
    choose: Callable[[Sequence[str]], tuple[str, ...]],
    presets: Mapping[Preset, TrainingSettings],
    *,
    is_fusion: bool,
) -> NetworkMethod:
    """Standardised features → hidden → ReLU → half as many → ReLU → classes.

    What an utterance lacks counts as the training mean.
    """
    return NetworkMethod(name, summary, is_fusion, choose, presets, _prepared)


def _prepared(data: Dataset, modalities: Sequence[str], settings: TrainingSettings) -> "Prepared":
    from memr_cli.learning.network import FeedForwardArchitecture

    inputs = side_by_side(data, modalities, _presence(data, modalities, settings))
    return inputs, FeedForwardArchitecture.of(inputs, settings)


def _presence(
    data: Dataset, modalities: Sequence[str], settings: TrainingSettings
) -> Sequence[str]:
    """The modalities with a column that says where they are present.

    Those that some utterance lacks; all of them where training hides modalities, so that the
    network is told.
    """
    if not settings.presence_indicator or len(modalities) == 1:
        return []
    if settings.modality_dropout:
        return modalities
    return [name for name in modalities if name in data.incomplete]
