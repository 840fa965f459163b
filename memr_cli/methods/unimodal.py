"""One classifier per modality, and the feed-forward network that it shares with early fusion."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from memr_cli.data.dataset import Dataset
from memr_cli.errors import UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.network import PRESETS, NetworkMethod, side_by_side
from memr_cli.vocabulary import MODALITIES, Preset

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

    A missing modality is replaced by the training mean.
    """
    return NetworkMethod(name, summary, is_fusion, choose, presets, _prepared)


def _prepared(data: Dataset, modalities: Sequence[str], settings: TrainingSettings) -> "Prepared":
    from memr_cli.learning.feedforward import FeedForwardArchitecture

    inputs = side_by_side(data, modalities, _presence(data, modalities, settings))
    return inputs, FeedForwardArchitecture.of(inputs, settings)


def _presence(
    data: Dataset, modalities: Sequence[str], settings: TrainingSettings
) -> Sequence[str]:
    """Return the modalities with a presence column: those that some utterance lacks.

    All of them where training hides modalities, so that the network sees which.
    """
    if not settings.presence_indicator or len(modalities) == 1:
        return []
    if settings.modality_dropout:
        return modalities
    return [name for name in modalities if name in data.incomplete]


def unimodal(modality: str) -> NetworkMethod:
    """Return the classifier of one modality."""

    def choose(held: Sequence[str]) -> tuple[str, ...]:
        if modality in held:
            return (modality,)
        raise UnsupportedError(
            f"method {modality} needs the {modality} modality, and the store holds "
            f"{', '.join(held)}. Use a method of those, or ingest a corpus that has "
            f"{modality} features."
        )

    return feed_forward(
        name=modality,
        summary=f"a classifier of the {modality} modality alone",
        is_fusion=False,
        choose=choose,
        presets=PRESETS,
    )


METHODS = tuple(unimodal(modality) for modality in MODALITIES)
