"""Late fusion: the decisions or class probabilities of several members combined into one.

Letters: M members, n rows, C classes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LEAST = np.finfo(np.float64).tiny
"""Takes the place of a probability of 0, whose logarithm is needed."""

LEAST_SHARE = 1e-3
"""Fitted weights are at least this share of the largest.

Two weights of 0 would leave open which member counts more where the others are missing.
"""


def pooled(probabilities: Floats, present: Mask, weights: Floats) -> Floats:
    """Return (n, C) the weighted mean of the members present: a linear opinion pool (Stone 1961).

    probabilities: (M, n, C), of any value where a member is absent. present: (M, n). weights: (M,)
    from 0 up; those of the members present are scaled to sum to 1, and count alike where all are 0.
    Stone (1961), Annals of Mathematical Statistics 32. Raises ValueError for a row without members.
    """
    if not present.any(axis=0).all():
        raise ValueError(f"nobody is present in {int((~present.any(axis=0)).sum())} rows")
    shares = np.where(present, weights[:, None], 0.0)  # (M, n)
    shares = np.where(shares.any(axis=0), shares, present)
    shares /= shares.sum(axis=0)
    known = np.where(present[..., None], probabilities, 0.0)
    mean: Floats = np.einsum("mn,mnc->nc", shares, known)
    return mean


def likeliest_weights(probabilities: Floats, present: Mask, true: NDArray[np.int64]) -> Floats:
    """Return (M,) weights, of sum 1, whose pool makes the true classes (n,) most likely.

    Shapes as for `pooled`; at least one row. Where every member is always present, this is a convex
    problem; otherwise it is searched from equal weights, which found the best of all in simulation.
    """
    from scipy.optimize import minimize

    n_members = len(present)
    likelihoods = np.take_along_axis(probabilities, true[None, :, None], axis=2)[..., 0]  # (M, n)
    likelihoods = np.where(present, np.maximum(likelihoods, _LEAST), 0.0)

    def loss(logarithms: Floats) -> tuple[float, Floats]:
        """Return the loss, and by member its share of the pool minus that of the likelihood."""
        shares = np.where(present, np.exp(logarithms)[:, None], 0.0)
        shares /= shares.sum(axis=0)
        right = shares * likelihoods
        likelihood = right.sum(axis=0)
        return float(-np.log(likelihood).mean()), (shares - right / likelihood).mean(axis=1)

    lowest = np.log(LEAST_SHARE)
    found = minimize(
        loss,
        np.zeros(n_members),
        method="L-BFGS-B",
        jac=True,
        bounds=[(lowest, 0.0)] * n_members,  # only ratios count, so that the largest may be 1
        options={"ftol": 1e-12, "gtol": 1e-9},
    )
    weights: Floats = np.exp(found.x)
    weights /= weights.sum()
    return weights


def majority(
    decisions: NDArray[np.integer[Any]], present: NDArray[np.bool_], n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Let the members that are present decide each row; ties go to the lowest class index.

    decisions: (M, n) class indices, of any value where a member is absent. present: (M, n).
    Returns the winner (n,), the shares of the votes (n, C), and whether the most votes went to
    several classes at once (n,). The winner equals `numpy.bincount(votes).argmax()` of a row.
    Raises ValueError for a row that nobody votes on.
    """
    cast = decisions[present].astype(np.int64)
    voters = present.sum(axis=0)
    if not voters.all():
        raise ValueError(f"nobody votes on {int((voters == 0).sum())} of {voters.size} rows")
    row = np.broadcast_to(np.arange(voters.size), present.shape)[present]
    votes = np.bincount(row * n_classes + cast, minlength=voters.size * n_classes)
    votes = votes.reshape(voters.size, n_classes)
    most = votes.max(axis=1, keepdims=True, initial=0)
    tied = (votes == most).sum(axis=1) > 1
    return votes.argmax(axis=1), votes / voters[:, None], tied
