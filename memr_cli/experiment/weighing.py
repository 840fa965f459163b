"""How a method weighed modalities, as means over what it predicted.

Letters: n scored rows (one per utterance and run), G modalities.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.results.predictions import Predictions


def modality_weights(
    predictions: Predictions, complete: NDArray[np.bool_]
) -> dict[str, Any] | None:
    """Mean weights, of all rows and by true class, of a method that weighs.

    complete: (n,) the rows that have every modality; no others count, since a weight that a missing
    modality leaves to the others says nothing about them. None where there are none.
    """
    if predictions.weights is None or not complete.any():
        return None
    weights, true = predictions.weights[complete], predictions.true[complete]
    names = predictions.modalities
    by_class = {}
    for code in np.unique(true).tolist():
        of_class = weights[true == code]
        by_class[predictions.class_names[code]] = {"n": len(of_class), **_means(names, of_class)}
    return {
        "modalities": list(names),
        "n": len(weights),
        "mean": _means(names, weights),
        "by_class": by_class,
    }


def _means(names: tuple[str, ...], weights: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, weights.mean(axis=0).tolist(), strict=True))
