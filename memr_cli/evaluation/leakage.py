"""Leakage: what the test part of a protocol shares with the training part.

"Training" is all labelled rows of the training side of a fold. Shares are of test utterances.
Letters: N utterances, D dims, K folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.columns import NONE, Columns, Rows
from memr_cli.evaluation.folds import Fold

Mask = NDArray[np.bool_]


class Overlap(TypedDict):
    """The share over all test utterances, and that of each fold; None where none can be known."""

    share: float | None
    folds: list[float | None]


def speakers(folds: Sequence[Fold]) -> int:
    """Return the number of speakers who are tested in a fold that also trains on them."""
    return len({n for fold in folds for n in set(fold.test_speakers) & set(fold.train_speakers)})


def dialogues(columns: Columns, folds: Sequence[Fold]) -> Overlap | None:
    """Return the share of test utterances whose dialogue also occurs in training.

    None where no labelled utterance of the corpus has a dialogue. A test utterance without one
    shares none.
    """
    if (columns.dialogue[columns.labelled] == NONE).all():
        return None
    return _overlap([(int(in_trained_dialogues(columns, f).sum()), f.test.size) for f in folds])


def in_trained_dialogues(columns: Columns, fold: Fold) -> Mask:
    """Return (n,) whether each test utterance of a fold is from a dialogue of its training rows."""
    tested = columns.dialogue[fold.test]
    shared: Mask = (tested != NONE) & np.isin(tested, columns.dialogue[fold.train])
    return shared


def identical(features: NDArray[np.float32], folds: Sequence[Fold]) -> Overlap:
    """Return the share of test vectors that occur in training bit for bit.

    features: (N, D) of one modality. Vectors that are NaN throughout, a missing modality, are left
    out on both sides and of the share.
    """
    code = vector_codes(features, folds)
    counts = []
    for fold in folds:
        copies = identical_vectors(code, [fold])
        counts.append((int(copies.found.sum()), copies.n))
    return _overlap(counts)


@dataclass(frozen=True, eq=False)
class Copies:
    """Test vectors that occur in training, among those that were looked at.

    tested: (N,) vectors looked at. found: (N,) those of them that occur in training.
    """

    tested: Mask
    found: Mask

    @property
    def n(self) -> int:
        """The number looked at."""
        return int(self.tested.sum())

    @property
    def share(self) -> float | None:
        """The share that was found; None where none was looked at."""
        return _share(int(self.found.sum()), self.n)


def identical_vectors(code: NDArray[np.int64], folds: Sequence[Fold]) -> Copies:
    """Find the test vectors that occur in training bit for bit, by their codes (N,)."""
    tested, found = np.zeros(code.size, np.bool_), np.zeros(code.size, np.bool_)
    for fold in folds:
        rows = fold.test[code[fold.test] != NONE]
        tested[rows] = True
        found[rows] = np.isin(code[rows], code[fold.train])
    return Copies(tested, found)


def vector_codes(features: NDArray[np.float32], folds: Sequence[Fold]) -> NDArray[np.int64]:
    """Return (N,) codes, equal for vectors with equal bytes, -1 where missing or in no fold.

    features: (N, D). Rows are hashed one by one, once for all folds, so that features need no copy:
    of 16 bytes each, two different ones among a million are equal with a probability under 1e-26.
    """
    code = np.full(len(features), NONE, np.int64)
    seen: dict[bytes, int] = {}
    for row in taking_part(folds):
        vector = np.ascontiguousarray(features[row])
        if not np.isnan(vector).all():
            digest = blake2b(vector.data, digest_size=16).digest()
            code[row] = seen.setdefault(digest, len(seen))
    return code


def taking_part(folds: Sequence[Fold]) -> Rows:
    """Return (n,) the rows that any fold trains on or tests."""
    parts = [rows for fold in folds for rows in (fold.test, fold.train)]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def _overlap(counts: Sequence[tuple[int, int]]) -> Overlap:
    """Return the shares from (shared, tested) of each fold."""
    total: Any = np.sum(counts, axis=0) if counts else (0, 0)
    return Overlap(share=_share(*total), folds=[_share(*fold) for fold in counts])


def _share(shared: int, tested: int) -> float | None:
    return float(shared / tested) if tested else None
