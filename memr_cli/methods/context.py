"""Methods that read an utterance among the turns of its dialogue."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from memr_cli.data.dataset import Dataset
from memr_cli.data.dialogues import Dialogues
from memr_cli.methods.fusion import ENCODERS, EncoderSettings, width
from memr_cli.methods.method import Need
from memr_cli.methods.network import WeighingNetwork, side_by_side
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.methods.network import Prepared


@dataclass(frozen=True)
class ContextSettings(EncoderSettings):
    """memory: units of each recurrent layer and direction. batch_size counts dialogues."""

    memory: int = 64


PRESETS = {
    Preset.DEFAULT: replace(
        ContextSettings(**asdict(ENCODERS[Preset.DEFAULT])),
        batch_size=8,
        input_dropout=0.2,
        clip=1.0,
    ),
    Preset.ORIGINAL: replace(ContextSettings(**asdict(ENCODERS[Preset.ORIGINAL])), batch_size=8),
}


def _prepared(
    data: Dataset, modalities: Sequence[str], settings: ContextSettings, *, causal: bool
) -> "Prepared":
    from memr_cli.learning.module import ModuleArchitecture
    from memr_cli.learning.modules.context import Context
    from memr_cli.learning.turns import DialogueInputs

    pooled = side_by_side(data, modalities, modalities)
    parties = _parties(data)
    shape = (pooled.blocks, width(settings), settings.memory, pooled.n_classes)
    architecture = ModuleArchitecture(lambda: Context(*shape, causal=causal))
    # Turns that are only context may lack a modality, even if no labelled turn does.
    return DialogueInputs(replace(pooled, incomplete=True), data.dialogues, parties), architecture


def _parties(data: Dataset) -> Dialogues:
    """Split dialogues by speaker, each in the order of turns."""
    speaker = data.columns.speaker.astype(np.int64)
    party = data.dialogues.of * (int(speaker.max(initial=0)) + 1) + speaker
    return Dialogues.arranged(party, data.order)


def _context(name: str, summary: str, *, causal: bool) -> WeighingNetwork:
    return WeighingNetwork(
        name=name,
        summary=summary,
        is_fusion=True,
        choose=tuple,
        presets=PRESETS,
        prepare=partial(_prepared, causal=causal),
        needs=frozenset({Need.DIALOGUES}),
    )


METHODS = (
    _context("context", "all modalities of all turns of the dialogue, in order", causal=False),
    _context("context-causal", "the same of the turns so far, for live use", causal=True),
)
