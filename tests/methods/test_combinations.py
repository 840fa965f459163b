"""What combinations of probabilities make of members that agree, differ and are missing."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.fusion import LEAST_SHARE, likeliest_weights, pooled
from memr_cli.methods import late_mean, late_stack
from memr_cli.methods.combination import FEWEST_ROWS, Combination
from memr_cli.vocabulary import Preset

MEAN, WEIGHTED = late_mean.METHODS
(STACK,) = late_stack.METHODS
EVERY = (MEAN, WEIGHTED, STACK)

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def said(
    seed: int, n_members: int, n: int, n_classes: int, missing: float = 0.0
) -> tuple[Floats, Mask, NDArray[np.int64]]:
    """Members of which each later one knows more, who is present, and the truth."""
    rng = np.random.default_rng(seed)
    true = rng.integers(n_classes, size=n)
    scores = rng.normal(size=(n_members, n, n_classes))
    scores[:, np.arange(n), true] += np.linspace(0.2, 1.5, n_members)[:, None]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    present = rng.random((n_members, n)) >= missing
    present[0] |= ~present.any(axis=0)
    return probabilities, present, true


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 5))
def test_a_pool_is_the_mean_of_those_present_by_their_weights(
    seed: int, n_members: int, n_classes: int
) -> None:
    probabilities, present, _ = said(seed, n_members, 7, n_classes, missing=0.4)
    weights = np.random.default_rng(seed).integers(0, 3, n_members).astype(float)
    found = pooled(probabilities, present, weights)
    for row in range(7):
        heard = np.flatnonzero(present[:, row])
        counted = weights[heard] if weights[heard].any() else np.ones(len(heard))
        expected = np.average(probabilities[heard, row], axis=0, weights=counted)
        np.testing.assert_allclose(found[row], expected)


def test_a_row_without_members_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody is present in 1 rows"):
        pooled(np.full((2, 2, 3), 1 / 3), np.array([[True, False], [True, False]]), np.ones(2))


@pytest.mark.parametrize(("seed", "missing"), [(0, 0.0), (1, 0.0), (2, 0.3), (3, 0.6)])
def test_no_weights_on_a_grid_are_likelier_than_those_fitted(seed: int, missing: float) -> None:
    probabilities, present, true = said(seed, 3, 300, 4, missing)

    def loss(weights: Floats) -> float:
        told = pooled(probabilities, present, weights)[np.arange(300), true]
        return float(-np.log(told).mean())

    fitted = likeliest_weights(probabilities, present, true)
    assert fitted.sum() == pytest.approx(1)
    assert fitted.min() >= 0.999 * LEAST_SHARE * fitted.max()
    steps = np.linspace(0, 1, 41)
    grid = [np.array([a, b, 1 - a - b]) for a, b in product(steps, steps) if a + b <= 1]
    best = min((np.maximum(point, LEAST_SHARE) for point in grid), key=loss)
    assert loss(fitted) <= loss(best) + 1e-9
    np.testing.assert_allclose(fitted, best, atol=0.05)


def test_who_knows_nothing_gets_least_weight_and_still_speaks_where_alone() -> None:
    probabilities, present, true = said(5, 2, 400, 3)
    probabilities[0] = np.random.default_rng(0).dirichlet(np.ones(3) / 4, 400)
    fitted = WEIGHTED.fit(probabilities, present, true)
    assert fitted["weights"] == pytest.approx([LEAST_SHARE, 1], rel=2 * LEAST_SHARE)
    present[1, 0] = False
    decision = WEIGHTED.combine(probabilities, present, fitted)
    np.testing.assert_allclose(decision.probabilities[0], probabilities[0, 0])
    np.testing.assert_allclose(decision.probabilities[1], probabilities[1, 1], atol=LEAST_SHARE)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_stack_says_what_scikit_learn_would(n_classes: int) -> None:
    probabilities, present, true = said(6, 3, 200, n_classes)
    fitted = STACK.fit(probabilities, present, true)
    other = said(7, 3, 50, n_classes)[0]
    logs, others = (
        np.concatenate(list(log - log.mean(axis=2, keepdims=True)), axis=1)
        for log in (np.log(np.maximum(p, 1e-3)) for p in (probabilities, other))
    )
    reference = LogisticRegression(C=1.0, max_iter=1000, tol=1e-6).fit(logs, true)
    decision = STACK.combine(other, np.ones((3, 50), np.bool_), fitted)
    np.testing.assert_allclose(decision.probabilities, reference.predict_proba(others), atol=1e-9)
    assert decision.predicted.tolist() == reference.predict(others).tolist()


def test_a_class_that_validation_lacks_keeps_its_share_of_the_mean() -> None:
    probabilities, present, true = said(8, 2, 200, 4)
    seen = true != 2
    fitted = STACK.fit(probabilities[:, seen], present[:, seen], true[seen])
    found = STACK.combine(probabilities, present, fitted).probabilities
    np.testing.assert_allclose(found[:, 2], probabilities.mean(axis=0)[:, 2])
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (STACK.combine(probabilities, present, fitted).predicted[~seen] == 2).any()


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
def test_what_an_absent_member_would_say_changes_nothing(method: Combination) -> None:
    probabilities, present, true = said(9, 3, 120, 3, missing=0.4)
    garbled = probabilities.copy()
    garbled[~present] = np.nan
    told = []
    for given_ in (probabilities, garbled):
        fitted = method.fit(given_, present, true)
        told.append(method.combine(given_, present, fitted).probabilities)
    np.testing.assert_array_equal(told[0], told[1])
    np.testing.assert_allclose(told[0].sum(axis=1), 1)


@pytest.mark.parametrize("method", [WEIGHTED, STACK], ids=lambda method: method.name)
@pytest.mark.parametrize("lack", ["rows", "classes", "everything"])
def test_where_rows_teach_nothing_all_members_count_alike(method: Combination, lack: str) -> None:
    probabilities, present, true = said(10, 2, FEWEST_ROWS, 3, missing=0.2)
    n = {"rows": FEWEST_ROWS - 1, "classes": FEWEST_ROWS, "everything": 0}[lack]
    labels = np.ones(n, np.int64) if lack == "classes" else true[:n]
    fitted = method.fit(probabilities[:, :n], present[:, :n], labels)
    assert fitted == {}
    assert method.fit(probabilities, present, true) != {}
    np.testing.assert_array_equal(
        method.combine(probabilities, present, fitted).probabilities,
        MEAN.combine(probabilities, present, {}).probabilities,
    )


def test_a_mean_can_outvote_the_majority_by_being_sure() -> None:
    sure = np.array([[[0.9, 0.1]], [[0.4, 0.6]], [[0.4, 0.6]]])
    decision = MEAN.combine(sure, np.ones((3, 1), np.bool_), {})
    assert decision.predicted.tolist() == [0]
    assert not decision.tied.any()


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
def test_any_member_is_enough_and_originally_all_are_needed(method: Combination) -> None:
    assert method.members(("acoustic", "lexical")) == ("acoustic", "lexical")
    usable = np.array([[True, True, False], [True, False, False]])
    assert method.usable(usable, Preset.DEFAULT).tolist() == [True, True, False]
    assert method.usable(usable, Preset.ORIGINAL).tolist() == [True, False, False]
    with pytest.raises(UnsupportedError, match=f"method {method.name} fuses at least two"):
        method.members(("lexical",))
