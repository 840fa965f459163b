"""Which rows of the store a method is shown where it decides a fold's test rows.

Letters: N utterances of the store, n rows decided, m rows shown, D dims of a modality.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.ablation.conditions import chances, noise
from memr_cli.ablation.subjects import Subject
from memr_cli.data.dataset import Dataset
from memr_cli.evaluation.columns import NONE
from memr_cli.evaluation.protocols import Fold

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shown:
    """rows: (m,) of the store, ascending where dialogues are shown.

    asked: (n,) where among them those lie that are decided. tested: (m,) the position of each among
    the fold's test rows, NONE for one that is there for its dialogue alone.
    """

    fold: Fold
    rows: Rows
    asked: Rows
    tested: Rows

    @classmethod
    def of(cls, subject: Subject, data: Dataset, fold: Fold, scored: Rows) -> "Shown":
        """The test rows scored, positions (n,) in `fold.test`.

        Where the method reads dialogues, all turns of all test rows' dialogues, whoever speaks them
        and whether they have labels.
        """
        if not subject.reads_dialogues:
            return cls(fold, fold.test[scored], np.arange(len(scored)), scored)
        dialogue = data.dialogues.of
        rows = np.flatnonzero(np.isin(dialogue, dialogue[fold.test]))
        tested = np.full(len(data.ids), NONE, np.int64)
        tested[fold.test] = np.arange(len(fold.test))
        return cls(fold, rows, np.searchsorted(rows, fold.test[scored]), tested[rows])

    def noise(self, modality: str, draw: int, dim: int) -> NDArray[np.float32]:
        """(m, D) standard normal noise: for test rows, what every method meets."""
        drawn = noise(modality, self.fold.index, draw, (len(self.fold.test), dim))[self.tested]
        around = self.tested == NONE
        if around.any():
            shape = (int(around.sum()), dim)
            drawn[around] = noise(modality, self.fold.index, draw, shape, around=True)
        return drawn

    def chances(self, modality: str, draw: int) -> NDArray[np.float64]:
        """(m,) from 0 to 1: a row loses the modality where the share lost is above this."""
        drawn = chances(modality, self.fold.index, draw, len(self.fold.test))[self.tested]
        around = self.tested == NONE
        drawn[around] = chances(modality, self.fold.index, draw, int(around.sum()), around=True)
        return drawn
