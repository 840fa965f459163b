"""Paired tests of whether two methods differ, over the utterances that all methods scored.

Three tests, with different assumptions. The bootstrap interval resamples clusters and covers other
sessions (or speakers) of the same kind. The permutation test asks whether these trained models
decide dialogues equally well, and treats dialogues as independent. The t-test compares folds, each
with its own models, and allows for the training rows that folds share.

In simulation (1000 runs, tests at 5 %, accuracy near 57 %, 28 dialogues of 9 utterances in each of
5 sessions) the permutation test found a difference of equal methods in 5 % of runs, and in 9 % when
it swapped single utterances. Where one of the two was better in whole sessions, by a standard
deviation of 0.2 in log odds, it found one in 17 %, and the interval excluded 0 in 5 %. It found
that a method was better by 3.7 points in 41 %; the interval, which contained the truth in 95 to
98 %, excluded 0 in 24 %. With classifiers trained on the other sessions, the corrected t-test found
a difference of equal methods in 1 to 2 %, the uncorrected one in 5 to 6 %, and the permutation test
in 6 to 7 %: training varies too.

Letters: n rows, K folds, S seeds, C classes, R replicates, U units swapped whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.bootstrap import Interval, Sample, middle, replicate_scores
from memr_cli.evaluation.metrics import Table, confusion, metrics_of, scores

Index = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]

METRICS = tuple(metric.key for metric in metrics_of(Table.COMPARE))
"""Keys of the compared metrics, in the order of tables; the first is the headline."""

BOOTSTRAP_REPLICATES = 2_000
PERMUTATIONS = 10_000
ALPHA = 0.05
"""Two methods differ significantly if their corrected p-value is below this."""
SMALLEST_P = 0.0001
"""Smaller p-values are written as `< 0.0001`."""

# Replicates scored at a time: bounds memory, and is constant so that draws depend on units alone.
_BLOCK = 250

_TIED = 1e-12
"""Differences closer than this are equal: the same terms, summed in another order."""


@dataclass(frozen=True, eq=False)
class Shared:
    """n rows that all compared methods scored, one per tested utterance and seed; arrays are (n,).

    The predictions of a method are an array of their own. `fold`, `seed`, `true`, `outer`, `inner`:
    as in a Sample of the bootstrap. `unit`: rows of one code are swapped together.
    """

    fold: Index
    seed: Index
    true: Index
    outer: Index
    inner: Index
    unit: Index
    n_classes: int

    @property
    def n_units(self) -> int:
        """The number of units U."""
        return int(np.unique(self.unit).size)

    @property
    def folds(self) -> list[int]:
        """The K folds that have a row, ascending."""
        return [int(fold) for fold in np.unique(self.fold)]


def fold_scores(shared: Shared, predicted: Index) -> dict[str, Floats]:
    """Return each metric in every fold, (K,), averaged over seeds."""
    by_fold: dict[str, list[float]] = {name: [] for name in METRICS}
    seeds = np.unique(shared.seed)
    for fold in shared.folds:
        runs = [(shared.fold == fold) & (shared.seed == seed) for seed in seeds]
        counts = [confusion(shared.true[r], predicted[r], shared.n_classes) for r in runs]
        by_seed = scores(np.stack(counts))
        for name in METRICS:
            by_fold[name].append(float(by_seed[name].mean()))
    return {name: np.array(values) for name, values in by_fold.items()}


def bootstrap(
    shared: Shared, predicted: Index, seed: int, replicates: int = BOOTSTRAP_REPLICATES
) -> dict[str, Floats] | None:
    """Return each metric in R replicates of one method, (R,); None if there is a single cluster.

    With the same rows and seed every method gets the same draws, so that replicates of two methods
    may be subtracted.
    """
    if np.unique(np.stack([shared.outer, shared.inner]), axis=1).shape[1] == 1:
        return None
    sample = Sample(
        fold=shared.fold,
        seed=shared.seed,
        true=shared.true,
        predicted=predicted,
        outer=shared.outer,
        inner=shared.inner,
        n_classes=shared.n_classes,
    )
    drawn = replicate_scores(sample, np.random.default_rng(seed), replicates)
    return {name: drawn[name] for name in METRICS}


def difference_interval(first: Floats, second: Floats, level: float = 0.95) -> Interval | None:
    """Return the percentile interval of second minus first, from replicates (R,) of equal draws.

    Replicates without a value (NaN) are skipped; None if no replicate has one.
    """
    return middle(second - first, level)


def n_arrangements(n_units: int, most: int = PERMUTATIONS) -> int:
    """Return the number of arrangements of U units that are tested: all, or `most` at random."""
    return 2**n_units if n_units <= most.bit_length() and 2**n_units <= most else most


def permutation_p(
    shared: Shared, first: Index, second: Index, seed: int, most: int = PERMUTATIONS
) -> dict[str, float]:
    """Return, for each metric, the two-sided p-value that two methods decide equally well.

    If they do, it does not matter which of the two made the decisions in a unit. An arrangement
    swaps them in some units, in all seeds of a unit at once, and p is the share of arrangements
    whose difference (mean over folds of the mean over seeds) is at least as large as the one
    found. Where there are few units all arrangements are counted; else as many as `most` are
    drawn, and the one found is counted too, so that p is never 0 (Phipson and Smyth 2010,
    Statistical Applications in Genetics and Molecular Biology 9).

    scipy.stats.permutation_test gives the same for a statistic of swapped units, which it calls
    once per arrangement; adding confusion counts up takes a hundredth of the time.
    """
    units = np.unique(shared.unit, return_inverse=True)[1].reshape(-1)
    n_units = int(units.max()) + 1
    folds = [_fold(shared, first, second, units, fold) for fold in shared.folds]
    found = _differences(folds, np.zeros((1, n_units)), shared.n_classes)
    extreme, n_tested = dict.fromkeys(METRICS, 0), n_arrangements(n_units, most)
    for swaps in _arrangements(n_units, n_tested, np.random.default_rng(seed)):
        for name, drawn in _differences(folds, swaps, shared.n_classes).items():
            extreme[name] += int((np.abs(drawn) >= abs(found[name][0]) - _TIED).sum())
    if n_tested == 2**n_units:
        return {name: count / n_tested for name, count in extreme.items()}
    return {name: (count + 1) / (n_tested + 1) for name, count in extreme.items()}


def corrected_t(differences: Floats, test_over_train: float) -> tuple[float | None, float | None]:
    """Return the statistic t and its two-sided p from the differences of K folds (K,).

    The corrected resampled t-test with K - 1 degrees of freedom (Nadeau and Bengio 2003, Machine
    Learning 52, section 5): folds share training rows, so their variance is enlarged by
    `test_over_train`, the ratio of tested rows to training rows. None for fewer than two folds, or
    if all differences are equal.
    """
    n_folds = len(differences)
    if n_folds < 2 or np.ptp(differences) <= _TIED:
        return None, None
    from scipy.special import stdtr

    error = np.sqrt(differences.var(ddof=1) * (1 / n_folds + test_over_train))
    t = float(differences.mean() / error)
    return t, float(2 * stdtr(n_folds - 1, -abs(t)))


def format_p(p: float) -> str:
    """Format a p-value with two digits: `0.03`, `< 0.0001`."""
    return f"< {SMALLEST_P:.4f}" if p < SMALLEST_P else f"{p:.2g}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values of several tests, in the order given.

    Holm (1979), Scandinavian Journal of Statistics 6: the smallest is multiplied by the number of
    tests, the next by one less, and none comes out below one that was smaller.
    """
    adjusted = np.empty(len(p_values))
    least = 0.0
    for rank, number in enumerate(np.argsort(p_values, kind="stable")):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[number]))
        adjusted[number] = least
    return [float(p) for p in adjusted]


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold: summed confusion counts of each method, and the change by swapping each unit.

    units: (u,) codes of units in the fold. first, second: (S*C*C,). change: (u, S*C*C), to be
    added to the first and taken from the second.
    """

    units: NDArray[np.int64]
    first: Floats
    second: Floats
    change: Floats
    n_seeds: int


def _fold(
    shared: Shared, first: Index, second: Index, units: NDArray[np.int64], fold: int
) -> _Fold:
    rows = np.flatnonzero(shared.fold == fold)
    present, unit = np.unique(units[rows], return_inverse=True)
    seeds, seed = np.unique(shared.seed[rows], return_inverse=True)
    shape = (present.size, seeds.size, shared.n_classes, shared.n_classes)
    index = (unit.reshape(-1), seed.reshape(-1), shared.true[rows])

    def counts(predicted: Index) -> Floats:
        cell = np.ravel_multi_index((*index, predicted[rows]), shape)
        counted = np.bincount(cell, minlength=int(np.prod(shape))).astype(np.float64)
        return counted.reshape(shape[0], -1)

    of_first, of_second = counts(first), counts(second)
    change = of_second - of_first
    return _Fold(present, of_first.sum(axis=0), of_second.sum(axis=0), change, seeds.size)


def _arrangements(
    n_units: int, n_tested: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Yield arrangements in blocks, (r, U) with 1 for a swapped unit: all of them, or drawn."""
    every = n_tested == 2**n_units
    for start in range(0, n_tested, _BLOCK):
        size = min(_BLOCK, n_tested - start)
        if every:
            numbers = np.arange(start, start + size)
            swaps = numbers[:, None] >> np.arange(n_units) & 1
        else:
            swaps = rng.integers(0, 2, (size, n_units))
        yield swaps.astype(np.float64)


def _differences(folds: Sequence[_Fold], swaps: Floats, n_classes: int) -> Mapping[str, Floats]:
    """Return the mean difference over folds and seeds, (r,) by metric, after swaps (r, U)."""
    total = {name: np.zeros(len(swaps)) for name in METRICS}
    for fold in folds:
        shape = (len(swaps), fold.n_seeds, n_classes, n_classes)
        moved = swaps[:, fold.units] @ fold.change
        first = scores((fold.first + moved).reshape(shape))
        second = scores((fold.second - moved).reshape(shape))
        for name in METRICS:
            total[name] += (second[name] - first[name]).mean(axis=1) / len(folds)
    return total
