"""One classifier per modality, each trained by itself."""

from collections.abc import Sequence

from memr_cli.errors import UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.feedforward import feed_forward
from memr_cli.methods.network import NetworkMethod
from memr_cli.vocabulary import MODALITIES, Preset

PRESETS = {
    # Dropout does not raise the best validation score, but with it the score stays there instead
    # of falling off after a few epochs, so that it matters less which epoch is chosen.
    Preset.DEFAULT: TrainingSettings(
        hidden=128,
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=1e-2,
        batch_size=64,
        dropout=0.5,
        averaging=0.99,
        epochs=50,
        patience=8,
        refit=True,
        presence_indicator=False,
    ),
    Preset.ORIGINAL: TrainingSettings(
        hidden=128,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=1e-5,
        batch_size=32,
        dropout=0.0,
        averaging=0.0,
        epochs=50,
        patience=None,
        refit=False,
        presence_indicator=False,
    ),
}


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
