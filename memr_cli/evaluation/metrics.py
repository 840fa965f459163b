"""Scores of single-label decisions, from confusion counts.

The definitions are scikit-learn's, and the tests hold every figure against it. They are written out
here because the bootstrap scores thousands of confusion matrices, which scikit-learn would take one
pair of label lists at a time, so that one implementation serves the table and its intervals; and
because importing scikit-learn takes a second.

Letters: n scored rows, C classes, `...` any leading axes (folds, seeds, replicates).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

METRICS = ("f1_micro", "accuracy", "uar", "f1_macro", "f1_weighted")
"""In the order of tables. All are fractions from 0 to 1, higher is better."""

Counts = NDArray[np.integer[Any] | np.floating[Any]]
Scores = NDArray[np.float64]


def confusion(true: ArrayLike, predicted: ArrayLike, n_classes: int) -> NDArray[np.int64]:
    """Count decisions. true, predicted: (n,) class indices. Returns (C, C), a row per true class.

    Raises ValueError where the two differ in shape or an index lies outside 0..C-1.
    """
    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(f"expected two (n,) arrays, found {true.shape} and {predicted.shape}")
    for name, index in (("true", true), ("predicted", predicted)):
        if index.size and not (index.min() >= 0 and index.max() < n_classes):
            raise ValueError(
                f"expected {name} classes in 0..{n_classes - 1}, found {index.min()}..{index.max()}"
            )
    flat = true.astype(np.int64) * n_classes + predicted.astype(np.int64)
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


def scores(counts: Counts) -> dict[str, Scores]:
    """Every one of METRICS for confusion counts (..., C, C), whole or weighted, rows true.

    Returns arrays of shape (...). `f1_micro` equals accuracy, as there is one label per row; `uar`
    is the mean recall over the classes that occur in `true` (balanced_accuracy_score); `f1_macro`
    runs over all C classes with zero_division=0; `f1_weighted` weighs them by support. Without any
    row a score is undefined: NaN.
    """
    hits, support, claimed = _margins(np.asarray(counts, np.float64))
    total = support.sum(axis=-1)
    accuracy = _ratio(hits.sum(axis=-1), total, np.nan)
    recall = _ratio(hits, support, 0.0)
    f1 = _ratio(2 * hits, support + claimed, 0.0)
    classes = counts.shape[-1]
    return {
        "f1_micro": accuracy,
        "accuracy": accuracy.copy(),
        "uar": _ratio(recall.sum(axis=-1), (support > 0).sum(axis=-1), np.nan),
        "f1_macro": np.where(total > 0, f1.sum(axis=-1) / classes, np.nan),
        "f1_weighted": _ratio((f1 * support).sum(axis=-1), total, np.nan),
    }


def per_class(counts: Counts) -> dict[str, Scores]:
    """`precision`, `recall`, `f1` and `support` of each class: (..., C) from counts (..., C, C).

    Where a class was never predicted, or never true, the figure is 0 (zero_division=0).
    """
    hits, support, claimed = _margins(np.asarray(counts, np.float64))
    return {
        "precision": _ratio(hits, claimed, 0.0),
        "recall": _ratio(hits, support, 0.0),
        "f1": _ratio(2 * hits, support + claimed, 0.0),
        "support": support,
    }


def _margins(counts: Scores) -> tuple[Scores, Scores, Scores]:
    """Correct decisions, true rows and predicted rows of each class, each (..., C)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return hits, counts.sum(axis=-1), counts.sum(axis=-2)


def _ratio(over: Scores, under: NDArray[Any], otherwise: float) -> Scores:
    """`over / under`, and `otherwise` where `under` is 0."""
    defined = under > 0
    return np.where(defined, over / np.where(defined, under, 1), otherwise)
