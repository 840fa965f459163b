"""Pools of opinions: several members' class probabilities, weighed and averaged.

Letters: M members, n rows, C classes.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_LEAST = np.finfo(np.float64).tiny
"""Stands for a probability of 0, whose logarithm is needed."""

LEAST_SHARE = 1e-3
"""Fitted weights are at least this share of the largest.

At 0 two weights would not tell who counts more where the others are missing.
"""


def pooled(probabilities: Floats, present: Mask, weights: Floats) -> Floats:
    """(n, C) the weighted mean of the members present: a linear opinion pool (Stone 1961).

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
    """(M,) weights that sum to 1 whose pool makes the true classes (n,) most likely.

    Shapes as for `pooled`; at least one row. Where every member is always present, this is a convex
    problem; otherwise it is searched from equal weights, which found the best of all in simulation.
    Nothing is drawn at random.
    """
    from scipy.optimize import minimize

    n_members = len(present)
    told = np.take_along_axis(probabilities, true[None, :, None], axis=2)[..., 0]  # (M, n)
    told = np.where(present, np.maximum(told, _LEAST), 0.0)

    def loss(logarithms: Floats) -> tuple[float, Floats]:
        """And its derivative: how much a member's share of a row exceeds its share in the truth."""
        shares = np.where(present, np.exp(logarithms)[:, None], 0.0)
        shares /= shares.sum(axis=0)
        right = shares * told
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
