"""What a store offers to learning: columns, and one matrix of features that all methods share.

Letters: N utterances, D dims of the modalities asked for.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.choices import MODALITIES
from memr_cli.evaluation.columns import Columns
from store.reader import Store


class Dataset:
    """The utterances of an open store, with the modalities named.

    Features are read when first asked for, each once.
    """

    def __init__(self, store: Store, modalities: Sequence[str]) -> None:
        self._store = store
        self.ids = store.utterances.ids
        self.class_names = store.class_names
        self.synthetic = store.synthetic
        self.dims = {name: store.modalities[name].dim for name in modalities}
        self.columns = columns_of(store)

    @cached_property
    def present(self) -> Mapping[str, NDArray[np.bool_]]:
        """(N,) for each modality: which utterances have it."""
        return {name: self._store.present(name) for name in self.dims}

    @property
    def incomplete(self) -> list[str]:
        """The modalities that some utterance lacks."""
        return [name for name, has in self.present.items() if not has.all()]

    def features(
        self, modalities: Sequence[str], *, with_presence: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        """(N, D) float32 the modalities side by side, NaN where missing, and a count of columns.

        `with_presence` adds a column of 1 and 0 for each modality asked for that some utterance
        lacks; that many last columns are the count. All modalities, and each single one, are views
        of one matrix, other choices are copies.
        """
        wanted: list[int] = []
        for name in modalities:
            start = self._starts[name]
            wanted += range(start, start + self.dims[name])
        presence = [name for name in modalities if name in self.incomplete] if with_presence else []
        wanted += [self._starts[f"{name} present"] for name in presence]
        first, last = wanted[0], wanted[-1]
        if wanted == list(range(first, last + 1)):
            return self._matrix[:, first : last + 1], len(presence)
        return self._matrix[:, wanted], len(presence)

    @cached_property
    def _starts(self) -> dict[str, int]:
        """The first column of each modality, then the column that says where it is present."""
        starts, column = {}, 0
        for name, dim in self.dims.items():
            starts[name] = column
            column += dim
        for name in self.incomplete:
            starts[f"{name} present"] = column
            column += 1
        return starts

    @cached_property
    def _matrix(self) -> NDArray[np.float32]:
        width = sum(self.dims.values()) + len(self.incomplete)
        matrix = np.empty((len(self.ids), width), np.float32)
        for name, dim in self.dims.items():
            start = self._starts[name]
            self._store.pooled_into(name, matrix[:, start : start + dim])
        for name in self.incomplete:
            matrix[:, self._starts[f"{name} present"]] = self.present[name]
        return matrix


def held_modalities(store: Store) -> tuple[str, ...]:
    """The modalities that the store holds, in the order they are named everywhere."""
    return tuple(name for name in MODALITIES if name in store.modalities)


def columns_of(store: Store) -> Columns:
    """The columns that protocols work on."""
    rows = store.utterances
    return Columns(
        speaker=rows.speaker,
        speaker_names=rows.speakers,
        session=rows.session,
        session_names=rows.sessions,
        dialogue=rows.dialogue,
        label=rows.label,
        split=rows.split,
        split_names=rows.splits,
    )
