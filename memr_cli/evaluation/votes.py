"""Majority votes over the decisions of several members.

Letters: M members, n rows, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def majority(
    decisions: NDArray[np.integer[Any]], present: NDArray[np.bool_], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Let the members that are present decide each row; ties go to the lowest class index.

    decisions: (M, n) class indices, of any value where a member is absent. present: (M, n).
    Returns the winner (n,), the shares of the votes (n, C), and whether the most votes went to
    several classes at once (n,). The winner equals `numpy.bincount(votes).argmax()` of a row.
    Raises ValueError for a row that nobody votes on and for a vote outside 0..C-1.
    """
    if decisions.shape != present.shape or decisions.ndim != 2:
        raise ValueError(
            f"expected decisions and present as (M, n), found {decisions.shape} and {present.shape}"
        )
    cast = decisions[present].astype(np.int64)
    if cast.size and not (cast.min() >= 0 and cast.max() < n_classes):
        raise ValueError(f"expected votes in 0..{n_classes - 1}, found {cast.min()}..{cast.max()}")
    voters = present.sum(axis=0)
    if not voters.all():
        raise ValueError(f"nobody votes on {int((voters == 0).sum())} of {voters.size} rows")
    row = np.broadcast_to(np.arange(voters.size), present.shape)[present]
    votes = np.bincount(row * n_classes + cast, minlength=voters.size * n_classes)
    votes = votes.reshape(voters.size, n_classes)
    most = votes.max(axis=1, keepdims=True, initial=0)
    tied = (votes == most).sum(axis=1) > 1
    return votes.argmax(axis=1), votes / voters[:, None], tied
