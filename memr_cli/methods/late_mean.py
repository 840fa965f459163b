"""Late fusion by means: the unimodal classifiers' probabilities averaged, alike or weighed.

Where votes forget how sure a classifier was, means keep it.

Letters: n rows, M members, C classes.
"""

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.fusion import Floats, Mask, likeliest_weights, pooled
from memr_cli.methods.combination import Combination
from memr_cli.methods.method import Fitted


def _learned(probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
    """`weights` (M,): one for each member, 1 in all."""
    return {"weights": likeliest_weights(probabilities, present, labels)}


def _mean(probabilities: Floats, present: Mask, fitted: Fitted) -> Floats:
    """(n, C) the linear opinion pool (Stone 1961) of those present; all alike if none learned."""
    weights = fitted.get("weights", np.ones(len(present)))
    return pooled(probabilities, present, weights)


METHODS = (
    Combination("late-mean", "the mean of the unimodal classifiers' probabilities", _mean),
    Combination(
        "late-weighted",
        "the mean of the unimodal classifiers' probabilities, one weight for each modality",
        _mean,
        _learned,
    ),
)
