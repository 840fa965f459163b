"""A protocol: a rule that divides the labelled utterances into test and training parts.

N utterances, n labelled ones, K folds.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.columns import Codes, Columns
from memr_cli.evaluation.folds import Fold, Part, first_names

Groups = Sequence[NDArray[np.int64]]


class Protocol(ABC):
    """A rule that says which labelled utterances are tested, and by models of which others.

    takes_folds: the number of folds is the user's choice, `--folds`. by_speaker: parts are made of
    whole speakers, so that no tested speaker is trained on. keeps_dialogues: all speakers of a
    dialogue are on one side. published: the corpus itself names the parts.
    """

    takes_folds = False
    by_speaker = False
    keeps_dialogues = False
    published = False

    @abstractmethod
    def parts(self, columns: Columns, n_folds: int) -> Sequence[Part]:
        """Divide the labelled rows, one part for each fold.

        Raises UnsupportedError where the corpus lacks what the protocol needs, and UsageError for
        a number of folds that cannot work.
        """

    @abstractmethod
    def words(self, cut: Sequence[Fold]) -> str:
        """Return the description of these folds, without what is said of speakers."""

    def describe(self, cut: Sequence[Fold]) -> str:
        """Return the description of these folds, for tables and captions."""
        shared = any(set(fold.test_speakers) & set(fold.train_speakers) for fold in cut)
        return self.words(cut) + (", test speakers also in training" if shared else "")


def leave_out(groups: Groups, codes: Codes, columns: Columns) -> list[Part]:
    """Return one part for each group of codes: its labelled rows are tested, all others train."""
    rows = columns.labelled
    inside = [np.isin(codes[rows], group) for group in groups]
    return [Part(rows[mask], rows[~mask]) for mask in inside]


def codes_by_name(codes: Codes, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the codes that occur, in the order of their names by code point."""
    return np.array(sorted(np.unique(codes).tolist(), key=lambda code: names[code]), np.int64)


def labelled_speakers(columns: Columns) -> NDArray[np.int64]:
    """Return the codes of the speakers with labelled utterances, in the order of their names."""
    return codes_by_name(columns.speaker[columns.labelled], columns.speaker_names)


def count_and_names(names: tuple[str, ...], codes: NDArray[np.int64]) -> str:
    """Return the number of codes and the first few names: `2 (F01, M01)`."""
    return f"{codes.size} ({first_names([names[code] for code in codes])})"
