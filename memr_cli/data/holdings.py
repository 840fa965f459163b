"""The parts of a store that methods may need: modalities, frames, dialogues."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from memr_cli.data.dataset import held_modalities
from memr_cli.evaluation.columns import NONE
from store.reader import Store


@dataclass(frozen=True, eq=False)
class Holdings:
    """The modalities of an open store, their frames and its dialogues; read on first use."""

    store: Store

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the store holds."""
        return held_modalities(self.store)

    @cached_property
    def frameless(self) -> tuple[str, ...]:
        """The modalities whose sequences were pooled and are not in the store.

        The others have their frames in the store, or only one frame per utterance.
        """
        return tuple(
            name
            for name in self.modalities
            if not self.store.modalities[name].has_sequences
            and int(self.store.frame_counts(name).max(initial=0)) > 1
        )

    @cached_property
    def has_dialogues(self) -> bool:
        """Whether some utterance belongs to a dialogue."""
        return bool((self.store.utterances.dialogue != NONE).any())

    @cached_property
    def n_unordered(self) -> int:
        """The number of dialogues with a turn whose position is unknown."""
        utterances = self.store.utterances
        dialogues = utterances.dialogue[utterances.turn == NONE]
        return len(np.unique(dialogues[dialogues != NONE]))
