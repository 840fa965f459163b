"""Standardisation: each feature to mean 0 and spread 1 over some rows. N utterances, D dims."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 64
"""Rows looked at together: no fold holds a copy of its training rows, and these stay in cache."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """mean (D,) and scale (D,), float32: what to subtract from a feature and divide it by."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fitted(
        cls, features: NDArray[np.float32], rows: NDArray[np.int64], n_raw: int = 0
    ) -> "Scaler":
        """Mean and population standard deviation of `features` (N, D) over `rows`, as scikit-learn.

        NaN marks a missing modality and counts nowhere. A feature that never varies is only
        centred. One that is missing in every row gets an infinite scale, so that it is 0 wherever
        it is used: no weight was ever fitted to it. The last `n_raw` features are left as they are.
        """
        mean, deviation, n_present = _moments(features, rows)
        scale = np.where(deviation == 0, 1.0, deviation)
        scale[n_present == 0] = np.inf
        if n_raw:
            mean[-n_raw:], scale[-n_raw:] = 0.0, 1.0
        return cls(mean.astype(np.float32), scale.astype(np.float32))


def deviations(features: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(D,) population standard deviations over `rows`; 0 for what never varies or is missing."""
    return _moments(features, rows)[1].astype(np.float32)


def _moments(
    features: NDArray[np.float32], rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means, deviations (0 for features that never vary) and numbers of present rows, each (D,).

    One pass: sums of differences from a value near the mean, and of their squares, lose nothing
    that matters in float64.
    """
    n_dims = features.shape[1]
    shift = _mean(features[rows[:CHUNK]])
    n_present, total, squares = np.zeros(n_dims), np.zeros(n_dims), np.zeros(n_dims)
    for start in range(0, len(rows), CHUNK):
        block = features[rows[start : start + CHUNK]] - shift  # float64
        missing = np.isnan(block)
        n_present += len(block)
        if missing.any():
            n_present -= missing.sum(axis=0)
            block[missing] = 0.0
        total += block.sum(axis=0)
        squares += np.einsum("nd,nd->d", block, block)
    n_counted = np.maximum(n_present, 1)
    mean = shift + total / n_counted
    deviation = np.sqrt(np.maximum(squares / n_counted - (total / n_counted) ** 2, 0.0))
    # Rounding leaves a constant feature a deviation of about its last digit.
    constant = deviation <= 10 * np.finfo(np.float32).eps * np.abs(mean)
    constant |= deviation < np.finfo(np.float32).tiny  # float32 cannot hold its inverse
    return mean, np.where(constant, 0.0, deviation), n_present


def standardise_groups(features: NDArray[np.float32], group: NDArray[np.integer]) -> None:
    """Standardise each group's rows of `features` (N, D) by its own mean and spread, in place.

    group: (N,) codes. Missing rows stay NaN; a feature that never varies in a group is 0 there.
    """
    for code in np.unique(group):
        rows = np.flatnonzero(group == code)
        scaler = Scaler.fitted(features, rows)
        features[rows] = (features[rows] - scaler.mean) / scaler.scale


def _mean(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """(D,) the mean of rows (n, D) without those that are missing; 0 where all are."""
    n_present = np.count_nonzero(~np.isnan(block), axis=0)
    total: NDArray[np.float64] = np.nansum(block, axis=0, dtype=np.float64)
    mean: NDArray[np.float64] = total / np.maximum(n_present, 1)
    return mean
