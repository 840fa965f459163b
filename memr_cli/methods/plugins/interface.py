"""The interface for methods of other packages: their class, and the data that memr passes to it.

An entry point of the group `memr.methods` names a class like `Classifier`. The class need not
inherit from it or import memr. docs/plugins.md has a complete package.

Letters: n utterances shown, D features of a modality, C classes, T frames of an utterance.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.evaluation.columns import NONE

Features = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Utterances:
    """n utterances; all arrays are copies, which the method may change.

    features: (n, D) of each modality it uses, float32; each feature has mean 0 and spread 1 over
    the rows that the model trains on, and is 0 where the modality is missing. present: (n,) of
    each, true where it is not missing. speaker, dialogue: (n,) codes, equal for the same speaker
    or dialogue. turn: (n,) index of the utterance in its dialogue, from 0.
    """

    features: Mapping[str, Features]
    present: Mapping[str, NDArray[np.bool_]]
    speaker: NDArray[np.int64]
    dialogue: NDArray[np.int64]
    turn: NDArray[np.int64]
    _read_frames: Callable[[str], list[Features]] = field(repr=False)

    def __len__(self) -> int:
        return len(self.speaker)

    @property
    def matrix(self) -> Features:
        """All features side by side: (n, sum of all D)."""
        return np.hstack(list(self.features.values()))

    def frames(self, modality: str) -> list[Features]:
        """Read the frames (T, D) of each utterance; T is 0 where it has none.

        They are shifted and scaled as `features` are. Raises LookupError for a method that does not
        say that it needs frames.
        """
        return self._read_frames(modality)


class Classifier(Protocol):
    """The class, which is made without arguments, once for each fold and seed.

    It may have attributes of the class that say what it needs:
    modalities: "any" (the default), all that the store holds; "several", all that it holds, at
    least two; or a tuple of names, such as ("acoustic", "lexical").
    needs: a tuple of "frames", "dialogues" or both; by default empty. With "dialogues" it gets
    whole dialogues, turn after turn, where y is -1 for turns that it must not learn from.
    """

    summary: str
    """What it is, in a few words."""

    def fit(
        self,
        X: Utterances,  # noqa: N803 - as scikit-learn has it
        y: NDArray[np.int64],
        *,
        n_classes: int,
        seed: int,
        validation: tuple[Utterances, NDArray[np.int64]] | None,
    ) -> Any:
        """Learn from utterances and their classes y (n,), from 0 to C - 1; the result is ignored.

        With preset `default` it is called twice on one object: on a part of the training speakers,
        with the others as `validation`, to choose what there is to choose; then on all of them,
        with None. Attributes that the first call sets remain for the second. With preset `original`
        it is called once, with None. Test utterances are never passed, except, for a method that
        needs dialogues, as turns without a class in the dialogues of training utterances.

        seed: from 0 to 2**32 - 1, for all that is random.
        """
        ...

    def predict_proba(self, X: Utterances) -> NDArray[np.floating[Any]]:  # noqa: N803
        """Return the probability of every class (n, C), also of those that training lacked.

        Rows sum to 1. A row depends on its utterance, and on its dialogue where the method needs
        dialogues, but not on other rows of X. With preset `default`, a few validation rows are
        predicted again among fewer others, and a method whose answers differ is refused. It is also
        called on training rows, for a loss.
        """
        ...

    def to_arrays(self) -> Mapping[str, Any]:
        """Return all that `predict_proba` needs, as numbers or arrays by name; kept as float32."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Features]) -> "Classifier":
        """Return an object that predicts like the one that gave these arrays, now float32."""
        ...


def rows_shown(data: Dataset, rows: Rows, *, whole_dialogues: bool) -> tuple[Rows, Rows]:
    """Return the rows to pass for those asked for, and the positions of these among them.

    With `whole_dialogues`, all turns of the dialogues that rows are in, one dialogue after another.
    """
    if not whole_dialogues:
        return rows, np.arange(len(rows))
    dialogues = data.dialogues
    turns = dialogues.turns(np.unique(dialogues.of[rows]))
    shown = turns[turns != NONE]
    position = np.full(len(data.ids), NONE, np.int64)
    position[shown] = np.arange(len(shown))
    return shown, position[rows]


@dataclass(frozen=True, eq=False)
class StandardisedView:
    """A dataset standardised by the scaler of a model. frames: whether they may be read."""

    data: Dataset
    modalities: tuple[str, ...]
    scaler: Scaler
    frames: bool

    def labelled(self, rows: Rows, *, whole_dialogues: bool) -> tuple[Utterances, Rows]:
        """Return utterances to learn from and the labels of `rows`; -1 for any further turns."""
        shown, asked = rows_shown(self.data, rows, whole_dialogues=whole_dialogues)
        labels = np.full(len(shown), NONE, np.int64)
        labels[asked] = self.data.columns.label[rows]
        return self.utterances(shown), labels

    def utterances(self, rows: Rows) -> Utterances:
        """Return these rows (n,) in their order."""
        data = self.data
        features = {name: data.features([name])[rows] for name in self.modalities}
        return Utterances(
            features={name: self._standardised(name, found) for name, found in features.items()},
            present={name: data.present[name][rows] for name in self.modalities},
            speaker=data.columns.speaker[rows].astype(np.int64),
            dialogue=data.dialogues.of[rows],
            turn=data.dialogues.place[rows],
            _read_frames=lambda name: self._frames(name, rows),
        )

    def _standardised(self, name: str, values: Features) -> Features:
        before = self.modalities[: self.modalities.index(name)]
        start = sum(self.data.dims[other] for other in before)
        columns = slice(start, start + self.data.dims[name])  # of the modality in the scaler
        values -= self.scaler.mean[columns]
        values /= self.scaler.scale[columns]
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
