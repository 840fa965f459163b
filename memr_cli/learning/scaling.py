"""Standardisation: each feature to mean 0 and spread 1 over training rows. N utterances, D dims."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024
"""Rows looked at together, so that no fold holds a copy of its training rows."""


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
        n_dims = features.shape[1]
        n_present, total, squares = np.zeros(n_dims), np.zeros(n_dims), np.zeros(n_dims)
        chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        for chunk in chunks:
            block = features[chunk].astype(np.float64)
            n_present += np.isfinite(block).sum(axis=0)
            total += np.nansum(block, axis=0)
        mean = total / np.maximum(n_present, 1)
        for chunk in chunks:
            block = features[chunk] - mean
            squares += np.nansum(block * block, axis=0)
        deviation = np.sqrt(squares / np.maximum(n_present, 1))
        # Rounding leaves a constant feature a deviation of about its last digit.
        constant = deviation <= 10 * np.finfo(np.float32).eps * np.abs(mean)
        scale = np.where(constant, 1.0, deviation)
        scale[n_present == 0] = np.inf
        if n_raw:
            mean[-n_raw:], scale[-n_raw:] = 0.0, 1.0
        return cls(mean.astype(np.float32), scale.astype(np.float32))
