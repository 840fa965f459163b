"""Late fusion by stacking: a logistic regression over what the unimodal classifiers say.

Letters: n rows, M members, C classes, S classes that validation rows have.
"""

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.fusion import Floats, Mask, pooled
from memr_cli.methods.combination import Combination
from memr_cli.methods.method import Fitted

STRENGTH = 1.0
"""scikit-learn's `C`: the inverse of how much coefficients are shrunk.

Less makes little difference among a thousand validation rows, and among forty leaves nothing of
what members say.
"""

_LEAST = 1e-3
"""Smaller probabilities count as this: networks say 1e-20 as readily as 1e-3."""


def _evidence(probabilities: Floats, present: Mask) -> Floats:
    """(n, M * C) members' log-probabilities, side by side, less the mean of each over classes.

    A member that is absent has zeros, as one that finds all classes equally likely.
    """
    logs = np.log(np.maximum(probabilities, _LEAST))
    logs -= logs.mean(axis=2, keepdims=True)
    logs = np.where(present[..., None], logs, 0.0)
    return np.concatenate(list(logs), axis=1)


def _learned(probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
    """`coefficients` (S, M * C) and `intercepts` (S,) of the `classes` (S,) that occur.

    Stacked generalisation: Wolpert (1992), Neural Networks 5.
    """
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=STRENGTH, max_iter=1000, tol=1e-6)
    regression.fit(_evidence(probabilities, present), labels)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(coefficients) == 1:  # of two classes, one has the scores and the other 0
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
    return {
        "classes": regression.classes_.astype(np.float64),
        "coefficients": coefficients,
        "intercepts": intercepts,
    }


def _stacked(probabilities: Floats, present: Mask, fitted: Fitted) -> Floats:
    """(n, C) what the regression says; the mean of those present where nothing is learned.

    A class that no validation row has keeps its mean probability; the others divide the rest.
    """
    joined = pooled(probabilities, present, np.ones(len(present)))
    if not fitted:
        return joined
    known = fitted["classes"].astype(np.int64)
    scores = _evidence(probabilities, present) @ fitted["coefficients"].T + fitted["intercepts"]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    others = np.setdiff1d(np.arange(joined.shape[1]), known)
    joined[:, known] = shares * (1 - joined[:, others].sum(axis=1, keepdims=True))
    return joined


METHODS = (
    Combination(
        "late-stack",
        "a logistic regression over the unimodal classifiers' probabilities",
        _stacked,
        _learned,
    ),
)
