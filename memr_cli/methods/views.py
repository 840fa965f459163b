"""What a method of another package is shown of a dataset.

Letters: N utterances, n rows shown, D features of a modality, T frames of an utterance.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.evaluation.columns import NONE
from memr_cli.methods.interface import Features, Utterances

Rows = NDArray[np.int64]


def rows_shown(data: Dataset, rows: Rows, *, whole_dialogues: bool) -> tuple[Rows, Rows]:
    """The rows to show for those asked for, and the places of these among them.

    With `whole_dialogues`, all turns of the dialogues that rows are in, one dialogue after another.
    """
    if not whole_dialogues:
        return rows, np.arange(len(rows))
    dialogues = data.dialogues
    turns = dialogues.turns(np.unique(dialogues.of[rows]))
    shown = turns[turns != NONE]
    place = np.full(len(data.ids), NONE, np.int64)
    place[shown] = np.arange(len(shown))
    return shown, place[rows]


@dataclass(frozen=True, eq=False)
class Showing:
    """A dataset standardised by the scaler of a model; copies, so that nothing is changed for it.

    frames: whether the method said that it needs them.
    """

    data: Dataset
    modalities: tuple[str, ...]
    scaler: Scaler
    frames: bool

    def labelled(self, rows: Rows, *, whole_dialogues: bool) -> tuple[Utterances, Rows]:
        """Utterances to learn from, and the labels of `rows`; -1 for turns that are shown besides.

        The labels of these stay here, whatever the store knows.
        """
        shown, asked = rows_shown(self.data, rows, whole_dialogues=whole_dialogues)
        labels = np.full(len(shown), NONE, np.int64)
        labels[asked] = self.data.columns.label[rows]
        return self.utterances(shown), labels

    def utterances(self, rows: Rows) -> Utterances:
        """These rows (n,), in their order."""
        data = self.data
        return Utterances(
            features={name: self._features(name, rows) for name in self.modalities},
            present={name: data.present[name][rows] for name in self.modalities},
            speaker=data.columns.speaker[rows].astype(np.int64),
            dialogue=data.dialogues.of[rows],
            turn=data.dialogues.place[rows],
            _read_frames=lambda name: self._frames(name, rows),
        )

    @cached_property
    def _parts(self) -> dict[str, slice]:
        """Where each modality lies in the scaler."""
        parts, start = {}, 0
        for name in self.modalities:
            parts[name] = slice(start, start + self.data.dims[name])
            start = parts[name].stop
        return parts

    def _features(self, name: str, rows: Rows) -> Features:
        return self._standardised(name, self.data.features([name])[rows])

    def _standardised(self, name: str, values: Features) -> Features:
        part = self._parts[name]
        values -= self.scaler.mean[part]
        values /= self.scaler.scale[part]
        return np.nan_to_num(values, copy=False, nan=0.0)

    def _frames(self, name: str, rows: Rows) -> list[Features]:
        if not self.frames:
            raise LookupError('frames are for methods with "frames" among their needs')
        if name not in self.modalities:
            raise LookupError(f"{name} is none of the modalities {', '.join(self.modalities)}")
        lengths = self.data.sequence_lengths(name)[rows]
        every = np.empty((int(lengths.sum()), self.data.dims[name]), np.float32)
        start = 0
        for slab in self.data.frame_slabs(name, rows):
            every[start : start + len(slab)] = slab
            start += len(slab)
        return np.split(self._standardised(name, every), np.cumsum(lengths)[:-1])
