from functools import cache

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from memr_cli.evaluation.bootstrap import Sample, clustered_interval
from memr_cli.evaluation.significance import (
    METRICS,
    Shared,
    bootstrap,
    corrected_t,
    difference_interval,
    fold_scores,
    holm,
    n_arrangements,
    permutation_p,
)


def drawn(
    *, n_units: int, per_unit: int = 6, n_folds: int = 2, n_seeds: int = 1, number: int = 0
) -> tuple[Shared, np.ndarray, np.ndarray]:
    """Units of utterances in two sessions, and two methods, right in 60 and 75 % of them."""
    rng = np.random.default_rng(number)
    unit = np.repeat(np.arange(n_units), per_unit)
    fold, true = rng.integers(0, n_folds, unit.size), rng.integers(0, 3, unit.size)
    fold[:n_folds] = np.arange(n_folds)
    shared = Shared(
        fold=np.tile(fold, n_seeds),
        seed=np.repeat(np.arange(n_seeds), unit.size),
        true=np.tile(true, n_seeds),
        outer=np.tile(unit % 2, n_seeds),
        inner=np.tile(unit, n_seeds),
        unit=np.tile(unit, n_seeds),
        n_classes=3,
    )
    size = shared.true.size
    right = [rng.random(size) < chance for chance in (0.6, 0.75)]
    first, second = (np.where(r, shared.true, rng.integers(0, 3, size)) for r in right)
    return shared, first, second


def written_out(shared: Shared, predicted: np.ndarray) -> dict[str, float]:
    """Mean over folds of the mean over seeds, by scikit-learn."""
    totals = {name: [] for name in METRICS}
    for fold in np.unique(shared.fold):
        by_seed = []
        for seed in np.unique(shared.seed):
            rows = (shared.fold == fold) & (shared.seed == seed)
            true, decided = shared.true[rows], predicted[rows]
            by_seed.append(
                (
                    (true == decided).mean(),
                    np.mean([(decided[true == c] == c).mean() for c in np.unique(true)]),
                    f1_score(true, decided, labels=[0, 1, 2], average="macro", zero_division=0),
                    f1_score(true, decided, labels=[0, 1, 2], average="weighted", zero_division=0),
                )
            )
        for name, value in zip(METRICS, np.mean(by_seed, axis=0), strict=True):
            totals[name].append(value)
    return {name: float(np.mean(values)) for name, values in totals.items()}


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_scores_of_a_fold_are_averaged_over_seeds(n_seeds: int) -> None:
    shared, first, _ = drawn(n_units=12, n_folds=3, n_seeds=n_seeds)
    found = {name: values.mean() for name, values in fold_scores(shared, first).items()}
    assert found == pytest.approx(written_out(shared, first))


@pytest.mark.parametrize("n_seeds", [1, 2])
def test_the_permutation_test_is_scipys_over_all_arrangements(n_seeds: int) -> None:
    shared, first, second = drawn(n_units=4, n_seeds=n_seeds, number=9)

    @cache
    def differences(swapped: tuple[float, ...]) -> dict[str, float]:
        exchanged = np.array(swapped)[shared.unit] == 1
        one, two = np.where(exchanged, second, first), np.where(exchanged, first, second)
        before, after = written_out(shared, one), written_out(shared, two)
        return {name: after[name] - before[name] for name in METRICS}

    found = permutation_p(shared, first, second, seed=0)
    assert len(set(found.values())) > 1
    for name in METRICS:
        expected = scipy.stats.permutation_test(
            (np.zeros(4), np.ones(4)),
            lambda swapped, _, name=name: differences(tuple(swapped))[name],
            permutation_type="samples",
            n_resamples=np.inf,
        )
        assert found[name] == pytest.approx(expected.pvalue)


def test_units_of_one_utterance_give_the_exact_sign_test() -> None:
    right = np.array([[1, 0]] * 9 + [[0, 1]] * 2 + [[1, 1]] * 2).T
    n = right.shape[1]
    nothing = np.zeros(n, int)
    shared = Shared(nothing, nothing, nothing, nothing, np.arange(n), np.arange(n), n_classes=2)
    found = permutation_p(shared, 1 - right[0], 1 - right[1], seed=0, most=2**n)
    assert found["accuracy"] == pytest.approx(scipy.stats.binomtest(2, 11).pvalue)


def test_drawn_arrangements_come_near_to_counting_all() -> None:
    shared, first, second = drawn(n_units=12, number=5)
    every = permutation_p(shared, first, second, seed=0)
    some = permutation_p(shared, first, second, seed=0, most=4000)
    assert some != every
    assert some == pytest.approx(every, abs=0.03)


def test_p_is_never_0_and_1_for_methods_that_decide_alike() -> None:
    shared, first, _ = drawn(n_units=40, per_unit=20)
    wrong = (shared.true + 1) % 3
    best = permutation_p(shared, wrong, shared.true, seed=0, most=999)
    assert best == pytest.approx(dict.fromkeys(METRICS, 1 / 1000))
    assert permutation_p(shared, first, first, seed=0, most=999) == dict.fromkeys(METRICS, 1)


def test_all_seeds_of_a_unit_are_swapped_together() -> None:
    # Two seeds that repeat each other show no more than one does.
    shared, first, second = drawn(n_units=9, number=2)
    twice = Shared(
        **{
            name: np.tile(getattr(shared, name), 2)
            for name in ("fold", "true", "outer", "inner", "unit")
        },
        seed=np.repeat([0, 1], first.size),
        n_classes=3,
    )
    once = permutation_p(shared, first, second, seed=0)
    assert permutation_p(twice, np.tile(first, 2), np.tile(second, 2), seed=0) == once


def test_a_unit_that_lies_across_folds_is_swapped_as_one() -> None:
    unit = np.repeat([0, 1, 2], 4)
    fold = np.tile([0, 1], 6)
    nothing = np.zeros(12, int)
    shared = Shared(fold, nothing, nothing, nothing, unit, unit, n_classes=2)
    # Three units that all speak for the second: 2 of 8 arrangements are as extreme.
    assert permutation_p(shared, nothing + 1, nothing, seed=0)["accuracy"] == 2 / 8


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 10_000), n_units=st.integers(2, 8))
def test_the_order_of_two_methods_does_not_change_the_test(number: int, n_units: int) -> None:
    shared, first, second = drawn(n_units=n_units, number=number)
    forth = permutation_p(shared, first, second, seed=0)
    assert forth == permutation_p(shared, second, first, seed=0)
    assert all(2 / 2**n_units <= p <= 1 for p in forth.values())


@pytest.mark.parametrize(
    ("n_units", "looked_at"), [(1, 2), (13, 8192), (14, 10_000), (9000, 10_000)]
)
def test_few_units_are_arranged_in_every_way(n_units: int, looked_at: int) -> None:
    assert n_arrangements(n_units) == looked_at


def test_replicates_of_one_method_give_the_interval_of_evaluate() -> None:
    shared, first, _ = drawn(n_units=30, n_folds=3)
    sample = Sample(shared.fold, shared.seed, shared.true, first, shared.outer, shared.inner, 3)
    expected, _ = clustered_interval(sample, np.random.default_rng(0))
    replicates = bootstrap(shared, first, seed=0)
    assert replicates is not None
    for name in METRICS:
        nothing = np.zeros_like(replicates[name])
        assert difference_interval(nothing, replicates[name]) == expected[name]


def test_pairing_narrows_the_interval_of_methods_that_err_alike() -> None:
    shared, first, _ = drawn(n_units=40, n_folds=3)
    second = first.copy()
    second[::10] = shared.true[::10]
    of_first, of_second = (bootstrap(shared, p, seed=0) for p in (first, second))
    assert of_first is not None
    assert of_second is not None
    paired = difference_interval(of_first["accuracy"], of_second["accuracy"])
    apart = difference_interval(of_first["accuracy"], of_second["accuracy"][::-1])
    assert paired is not None
    assert apart is not None
    assert paired[1] - paired[0] < 0.6 * (apart[1] - apart[0])
    found = fold_scores(shared, second)["accuracy"] - fold_scores(shared, first)["accuracy"]
    assert paired[0] < found.mean() < paired[1]


def test_a_method_does_not_differ_from_itself() -> None:
    shared, first, _ = drawn(n_units=10)
    replicates = bootstrap(shared, first, seed=0)
    assert replicates is not None
    assert difference_interval(replicates["uar"], replicates["uar"]) == (0, 0)


def test_replicates_without_a_value_are_passed_over() -> None:
    values = np.array([0.1, np.nan, 0.3])
    assert difference_interval(np.zeros(3), values, level=1.0) == (0.1, 0.3)
    assert difference_interval(np.zeros(3), np.full(3, np.nan)) is None


def test_a_single_cluster_has_no_interval() -> None:
    nothing = np.zeros(6, int)
    shared = Shared(nothing, nothing, nothing, nothing, nothing - 1, nothing, n_classes=2)
    assert bootstrap(shared, nothing, seed=0) is None


def test_the_corrected_t_test_by_hand() -> None:
    # Mean 0.04, variance 0.0004: t = 0.04 / sqrt(0.0004 (1/3 + 1/2)); with two degrees of freedom
    # the two-sided p is 1 - t / sqrt(2 + t^2).
    t, p = corrected_t(np.array([0.02, 0.04, 0.06]), 0.5)
    assert t == pytest.approx(2.19089, abs=1e-5)
    assert p == pytest.approx(0.15983, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=2, max_size=12),
    ratio=st.floats(0, 2),
)
def test_the_correction_scales_scipys_t_test(values: list[float], ratio: float) -> None:
    differences = np.array(values)
    t, p = corrected_t(differences, ratio)
    if np.ptp(differences) < 1e-6:
        return
    plain = scipy.stats.ttest_1samp(differences, 0).statistic
    expected = plain / np.sqrt(1 + ratio * len(values))
    assert t == pytest.approx(expected)
    assert p == pytest.approx(2 * scipy.stats.t.sf(abs(expected), len(values) - 1))


@pytest.mark.parametrize("values", [[0.1], [], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_without_spread_between_folds_there_is_no_t(values: list[float]) -> None:
    assert corrected_t(np.array(values), 0.25) == (None, None)


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.6], [1.0, 1.0]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.3], [0.3]),
        ([], []),
    ],
)
def test_holms_correction_by_hand(p_values: list[float], adjusted: list[float]) -> None:
    assert holm(p_values) == pytest.approx(adjusted)


@given(st.lists(st.floats(0, 1), max_size=10))
def test_holms_correction_keeps_order_and_never_lowers(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    for i, p in enumerate(p_values):
        for j, q in enumerate(p_values):
            assert not p < q or adjusted[i] <= adjusted[j]
    assert [a <= 0.05 for a in adjusted] == _stepwise(p_values, 0.05)


def _stepwise(p_values: list[float], alpha: float) -> list[bool]:
    """Holm's procedure as published: reject from the smallest on until one fails."""
    rejected, order = (
        [False] * len(p_values),
        sorted(range(len(p_values)), key=p_values.__getitem__),
    )
    for rank, place in enumerate(order):
        if p_values[place] * (len(p_values) - rank) > alpha:
            break
        rejected[place] = True
    return rejected


def test_uar_is_scikit_learns_balanced_accuracy() -> None:
    shared, first, _ = drawn(n_units=30, n_folds=1)
    assert fold_scores(shared, first)["uar"] == pytest.approx(
        [balanced_accuracy_score(shared.true, first)]
    )
