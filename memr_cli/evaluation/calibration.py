"""Calibration: the agreement of confidence with the share of decisions that are right.

Letters: n scored rows, C classes, B bins. The confidence of a decision is the largest probability.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

N_BINS = 15
"""Bins of the expected calibration error, as usual since Guo et al. (2017)."""

TEMPERATURES = (0.05, 20.0)
"""The range a temperature is sought in."""

_EDGE = 0.01
"""So near to either end of the range, in logarithms, a temperature counts as not found."""

_LEAST = np.finfo(np.float64).tiny
"""Takes the place of a probability of 0, whose logarithm is needed."""


@dataclass(frozen=True)
class Bin:
    """Decisions of about one confidence: the mean of it, the share that is right, how many."""

    confidence: float
    accuracy: float
    n: int


def brier(probabilities: Floats, true: Codes) -> float:
    """Return the mean squared distance of probabilities (n, C) from the truth (n,), 0 to 2.

    Brier (1950), Monthly Weather Review 78: summed over classes, which for two classes is twice
    what some report. NaN without rows.
    """
    if not true.size:
        return float("nan")
    of_true = np.take_along_axis(probabilities, true[:, None], axis=1)[:, 0]
    return float((np.square(probabilities).sum(axis=1) - 2 * of_true + 1).mean())


def reliability(probabilities: Floats, right: NDArray[np.bool_], n_bins: int = N_BINS) -> list[Bin]:
    """Return decisions (n,) by confidence in bins of equal size, none of them empty.

    Decisions of equal confidence each count as right as all of them are, so that no bin depends
    on the order of rows.
    """
    confidence = probabilities.max(axis=1)
    accuracy = _by_tie(confidence, right)
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, min(n_bins, len(order))) if len(order) else []
    return [
        Bin(float(confidence[part].mean()), float(accuracy[part].mean()), len(part))
        for part in parts
    ]


def _by_tie(confidence: Floats, right: NDArray[np.bool_]) -> Floats:
    """Return (n,) the share that is right among the decisions of each one's confidence."""
    _, tie, sizes = np.unique(confidence, return_inverse=True, return_counts=True)
    shares: Floats = np.bincount(tie.reshape(-1), weights=right) / sizes
    return shares[tie.reshape(-1)]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Return the mean distance of confidence and accuracy over bins, weighted by size: 0 is best.

    Chance alone keeps it above 0: perfect probabilities get about 0.04 from 1,300 rows in 15 bins,
    0.12 from 130.

    Naeini, Cooper and Hauskrecht (2015), AAAI; with bins of equal size (Nguyen and O'Connor 2015,
    EMNLP), so that none rests on a few rows. NaN without bins.
    """
    total = sum(one.n for one in bins)
    gaps = sum(one.n * abs(one.accuracy - one.confidence) for one in bins)
    return gaps / total if total else float("nan")


def risk_coverage_area(probabilities: Floats, right: NDArray[np.bool_]) -> float:
    """Return the mean share of errors in the k most confident decisions, k = 1..n: 0 is best.

    The area under the risk-coverage curve (Geifman and El-Yaniv 2017, NeurIPS): how well
    confidence finds the decisions to leave to a person. Among decisions of equal confidence
    any order may hold, and each counts the errors of all of them in equal parts. NaN without rows.
    """
    n_rows = len(right)
    if not n_rows:
        return float("nan")
    confidence = probabilities.max(axis=1)
    wrong = 1 - _by_tie(confidence, right)
    errors = np.cumsum(wrong[np.argsort(-confidence, kind="stable")])
    return float((errors / np.arange(1, n_rows + 1)).mean())


def fitted_temperature(probabilities: Floats, true: Codes) -> float | None:
    """Return the temperature that makes the true classes (n,) most likely (Guo et al. 2017, ICML).

    probabilities: (n, C) of rows that no model behind them was trained on. At least one row. None
    where none within TEMPERATURES is best, as where all decisions are right.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        tempered = with_temperature(probabilities, float(np.exp(log_temperature)))
        of_true = np.take_along_axis(tempered, true[:, None], axis=1)
        return float(-np.log(np.maximum(of_true, _LEAST)).mean())

    low, high = np.log(TEMPERATURES)
    best = float(minimize_scalar(loss, bounds=(low, high), method="bounded").x)
    return float(np.exp(best)) if low + _EDGE < best < high - _EDGE else None


def with_temperature(probabilities: Floats, temperature: float) -> Floats:
    """Return the probabilities (n, C) after dividing the class scores by the temperature.

    The order of classes stays, and with it every decision.
    """
    scores = np.log(np.maximum(probabilities, _LEAST)) / temperature
    raised: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    return raised
