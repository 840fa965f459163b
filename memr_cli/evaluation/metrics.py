"""Scores of single-label decisions, from confusion counts.

The definitions are scikit-learn's, and the tests hold every figure against it. They are written out
here because the bootstrap scores thousands of confusion matrices, which scikit-learn would take one
pair of label lists at a time, so that one implementation serves the table and its intervals; and
because importing scikit-learn takes a second.

Letters: n scored rows, C classes, `...` any leading axes (folds, seeds, replicates).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.integer[Any] | np.floating[Any]]
Scores = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Margins:
    """Correct decisions, true rows and predicted rows of each class: (..., C) each."""

    hits: Scores
    support: Scores
    claimed: Scores

    @classmethod
    def of(cls, counts: Counts) -> "Margins":
        """The margins of confusion counts (..., C, C), rows true."""
        of: Scores = np.asarray(counts, np.float64)
        return cls(np.diagonal(of, axis1=-2, axis2=-1), of.sum(axis=-1), of.sum(axis=-2))

    @property
    def total(self) -> Scores:
        """(...) all rows."""
        return np.asarray(self.support.sum(axis=-1))

    @property
    def precision(self) -> Scores:
        """(..., C); 0 for a class that is never predicted, as with zero_division=0."""
        return _ratio(self.hits, self.claimed, 0.0)

    @property
    def recall(self) -> Scores:
        """(..., C); 0 for a class without rows."""
        return _ratio(self.hits, self.support, 0.0)

    @property
    def f1(self) -> Scores:
        """(..., C) the harmonic mean of precision and recall."""
        return _ratio(2 * self.hits, self.support + self.claimed, 0.0)


class Table(StrEnum):
    """A table that metrics stand in."""

    EVALUATE = "evaluate"
    COMPARE = "compare"
    ABLATE = "ablate"
    REPORT = "report"


@dataclass(frozen=True)
class Metric:
    """A score of single-label decisions, a fraction from `low` to `high`.

    tables: those that show it; the JSON of `evaluate` has every metric. score: (...) from margins;
    NaN where there are no rows.
    """

    key: str
    label: str
    tables: frozenset[Table]
    score: Callable[[Margins], Scores]
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True


def _accuracy(of: Margins) -> Scores:
    return _ratio(of.hits.sum(axis=-1), of.total, np.nan)


def _uar(of: Margins) -> Scores:
    """Mean recall over the classes that have rows (scikit-learn's balanced_accuracy_score)."""
    return _ratio(of.recall.sum(axis=-1), (of.support > 0).sum(axis=-1), np.nan)


def _f1_macro(of: Margins) -> Scores:
    """Mean F1 over all C classes, with zero_division=0."""
    return np.where(of.total > 0, of.f1.sum(axis=-1) / of.f1.shape[-1], np.nan)


def _f1_weighted(of: Margins) -> Scores:
    """Mean F1 over classes, weighted by their rows."""
    return _ratio((of.f1 * of.support).sum(axis=-1), of.total, np.nan)


_EVERYWHERE = frozenset(Table)
_SCORES = frozenset({Table.EVALUATE, Table.REPORT})
_STUDIES = frozenset({Table.COMPARE, Table.ABLATE})

REGISTRY = (
    # With one label a row, micro-F1 equals accuracy.
    Metric("f1_micro", "F1-micro", _SCORES, _accuracy),
    Metric("accuracy", "accuracy", _STUDIES, _accuracy),
    Metric("uar", "UAR", _EVERYWHERE, _uar),
    Metric("f1_macro", "macro-F1", _EVERYWHERE, _f1_macro),
    Metric("f1_weighted", "W-F1", _EVERYWHERE, _f1_weighted),
)
"""Every metric, in the order of tables. A new metric is one entry here."""

METRICS = tuple(metric.key for metric in REGISTRY)
LABELS = {metric.key: metric.label for metric in REGISTRY}


def metrics_of(table: Table) -> tuple[Metric, ...]:
    """Return the metrics that a table shows, in its order."""
    return tuple(metric for metric in REGISTRY if table in metric.tables)


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
    """Score confusion counts (..., C, C), whole or weighted, rows true, by every metric: (...)."""
    margins = Margins.of(counts)
    return {metric.key: metric.score(margins) for metric in REGISTRY}


def per_class(counts: Counts) -> dict[str, Scores]:
    """`precision`, `recall`, `f1` and `support` of each class: (..., C) from counts (..., C, C)."""
    of = Margins.of(counts)
    return {"precision": of.precision, "recall": of.recall, "f1": of.f1, "support": of.support}


def _ratio(over: Scores, under: NDArray[Any], otherwise: float) -> Scores:
    """`over / under`, and `otherwise` where `under` is 0."""
    defined = under > 0
    return np.where(defined, over / np.where(defined, under, 1), otherwise)
