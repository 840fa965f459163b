"""A linear probe: a multinomial logistic regression that measures what features give away.

It is bounded: of more than ROWS rows a seeded part is drawn,
and more than DIMS dims are projected onto DIMS at random, which keeps distances (Johnson and
Lindenstrauss). Features are standardised with the rows that it is fitted on.

Letters: n rows, D dims, C classes.
"""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.scaling import Scaler
from memr_cli.evaluation.bootstrap import Sample, replicate_scores
from memr_cli.evaluation.columns import Rows

ROWS = 4000
DIMS = 512
ITERATIONS = 100
STRENGTH = 1.0
"""scikit-learn's C: the inverse of how strongly weights are held back."""
FOLDS = 5
REPLICATES = 1000

Floats = NDArray[np.float32]
Codes = NDArray[np.integer]


def drawn(rows: Rows, rng: np.random.Generator) -> Rows:
    """Return at most ROWS of these rows, in their order."""
    return np.sort(rng.choice(rows, ROWS, replace=False)) if rows.size > ROWS else rows


def projected(features: Floats, rng: np.random.Generator) -> Floats:
    """Return (n, D) features, standardised and projected onto DIMS where there are more dims."""
    n_dims = features.shape[1]
    if n_dims <= DIMS:
        return features
    spread = rng.standard_normal((n_dims, DIMS), np.float32) / np.float32(np.sqrt(DIMS))
    return _standardised(features, features) @ spread


def limits(n_rows: int, n_dims: int) -> str | None:
    """Return in words what the bounds do to so many rows and dims; None where they do nothing."""
    parts = [f"{ROWS} of {n_rows} utterances"] * (n_rows > ROWS)
    parts += [f"a random projection of {n_dims} dims onto {DIMS}"] * (n_dims > DIMS)
    return f"linear probes saw {' and '.join(parts)}" if parts else None


def predict(train: Floats, labels: Codes, test: Floats, strength: float = STRENGTH) -> Codes:
    """Return (n,) the classes of `test` by a probe fitted on `train` (m, D) with labels (m,)."""
    with _single_thread():
        return _predict(train, labels, test, strength)


def _single_thread() -> AbstractContextManager[None]:
    """Products this small take longer with several threads, and very long beside other programs."""
    limited: AbstractContextManager[None] = _thread_pools().limit(limits=1)
    return limited


@cache
def _thread_pools() -> Any:
    """The libraries' pools of threads; finding them takes as long as a small fit."""
    import sklearn.linear_model  # noqa: F401 - only libraries that are loaded can be found
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

    return ThreadpoolController()


def _predict(train: Floats, labels: Codes, test: Floats, strength: float) -> Codes:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if np.unique(labels).size < 2:
        return np.full(len(test), labels[0])
    probe = LogisticRegression(C=strength, max_iter=ITERATIONS)
    with warnings.catch_warnings():
        # Separable classes push weights out forever; where they point is settled long before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(_standardised(train, train), labels)
    predicted: Codes = probe.predict(_standardised(test, train))
    return predicted


def cross_predict(
    features: Floats,
    labels: Codes,
    groups: Codes | None,
    most: int = FOLDS,
    strength: float = STRENGTH,
) -> Codes:
    """Return (n,) the class of each row by a probe that saw neither it nor others of its group.

    At most `most` folds, stratified by label; `n_folds` has to allow 2. Without groups, each row is
    its own.
    """
    predicted = np.empty(labels.size, np.int64)
    with _single_thread():
        for train, test in _folds(labels, groups, most):
            predicted[test] = _predict(features[train], labels[train], features[test], strength)
    return predicted


def majority(labels: Codes, groups: Codes | None) -> Codes:
    """Return (n,) the most frequent class of the rows that `cross_predict` fits on for each row."""
    predicted = np.empty(labels.size, np.int64)
    for train, test in _folds(labels, groups, FOLDS):
        predicted[test] = np.bincount(labels[train]).argmax()
    return predicted


def replicates(
    true: Codes,
    predicted: Codes,
    outer: Codes,
    inner: Codes,
    rng: np.random.Generator,
    metric: str,
) -> NDArray[np.float64]:
    """Return (R,) a metric in each replicate of `evaluation.bootstrap`."""
    one_run = np.zeros(true.size, np.int64)
    sample = Sample(
        fold=one_run,
        seed=one_run,
        true=true,
        predicted=predicted,
        outer=outer,
        inner=inner,
        n_classes=int(max(true.max(), predicted.max())) + 1,
    )
    return replicate_scores(sample, rng, REPLICATES)[metric]


def n_folds(labels: Codes, groups: Codes | None, most: int = FOLDS) -> int:
    """Return the number of folds, up to `most`, that the rows allow; below 2, none can be made."""
    if not labels.size:
        return 0
    n_groups = labels.size if groups is None else np.unique(groups).size
    return int(min(most, n_groups, np.bincount(labels).max()))


def _folds(labels: Codes, groups: Codes | None, most: int) -> Iterator[tuple[Rows, Rows]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    count = n_folds(labels, groups, most)
    cutter = StratifiedKFold(count) if groups is None else StratifiedGroupKFold(count)
    with warnings.catch_warnings():
        # A class with fewer rows than folds is scored all the same.
        warnings.simplefilter("ignore", UserWarning)
        cut = list(cutter.split(np.zeros(labels.size), labels, groups))
    yield from ((train, test) for train, test in cut if train.size and test.size)


def _standardised(features: Floats, by: Floats) -> Floats:
    scaler = Scaler.fitted(by, np.arange(len(by)))
    scaled: Floats = (features - scaler.mean) / scaler.scale
    return scaled
