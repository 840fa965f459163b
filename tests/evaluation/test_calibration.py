"""Calibration, against scikit-learn, hand-computed figures and a search over a grid."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.metrics import brier_score_loss, log_loss

from memr_cli.evaluation.calibration import (
    Bin,
    brier,
    expected_calibration_error,
    fitted_temperature,
    reliability,
    risk_coverage_area,
    with_temperature,
)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, C) and true classes (n,)."""
    n_rows, n_classes = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    weights = draw(arrays.arrays(np.float64, (n_rows, n_classes), elements=st.floats(0.01, 1)))
    true = draw(arrays.arrays(np.int64, n_rows, elements=st.integers(0, n_classes - 1)))
    return weights / weights.sum(axis=1, keepdims=True), true


def right(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.asarray(probabilities.argmax(axis=1) == true)


@given(decisions())
def test_brier_is_scikit_learns_summed_over_classes(made: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, true = made
    labels = list(range(probabilities.shape[1]))
    reference = brier_score_loss(true, probabilities, labels=labels, scale_by_half=False)
    assert brier(probabilities, true) == pytest.approx(reference)


def test_brier_by_hand() -> None:
    # (1-.7)^2 + .2^2 + .1^2 = .14 and .5^2 + .5^2 + 1 = 1.5
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]])
    assert brier(probabilities, np.array([0, 2])) == pytest.approx((0.14 + 1.5) / 2)
    assert math.isnan(brier(probabilities[:0], np.empty(0, np.int64)))


def test_bins_hold_equal_numbers_in_order_of_confidence() -> None:
    confidence = np.array([0.9, 0.6, 0.8, 0.7, 0.55])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    bins = reliability(probabilities, np.array([True, False, True, False, True]), n_bins=2)
    assert [one.n for one in bins] == [3, 2]
    assert bins[0].confidence == pytest.approx((0.55 + 0.6 + 0.7) / 3)
    assert bins[0].accuracy == pytest.approx(1 / 3)
    assert (bins[1].confidence, bins[1].accuracy) == (pytest.approx(0.85), 1.0)


@given(decisions())
def test_bins_are_never_empty_and_hold_every_row(made: tuple[np.ndarray, np.ndarray]) -> None:
    bins = reliability(made[0], right(*made))
    assert len(bins) == min(15, len(made[1]))
    assert sum(one.n for one in bins) == len(made[1])
    assert max(one.n for one in bins) - min(one.n for one in bins) <= 1
    total = sum(one.n * one.accuracy for one in bins)
    assert total == pytest.approx(right(*made).sum())


def test_calibration_error_by_hand() -> None:
    bins = [Bin(confidence=0.5, accuracy=0.4, n=3), Bin(confidence=0.9, accuracy=1.0, n=1)]
    assert expected_calibration_error(bins) == pytest.approx((3 * 0.1 + 1 * 0.1) / 4)
    assert math.isnan(expected_calibration_error([]))


def test_calibrated_decisions_have_a_small_error_and_overconfident_ones_a_large_one() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000)
    hits = rng.random(20_000) < confidence
    calibrated = np.stack([confidence, 1 - confidence], axis=1)
    assert expected_calibration_error(reliability(calibrated, hits)) < 0.01
    sure = np.stack([np.full(20_000, 0.99), np.full(20_000, 0.01)], axis=1)
    assert expected_calibration_error(reliability(sure, hits)) == pytest.approx(0.24, abs=0.01)


def test_risk_coverage_area_by_hand() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    hits = np.array([True, False, True, False])
    # Errors among the first 1, 2, 3, 4: 0, 1/2, 1/3, 2/4.
    assert risk_coverage_area(probabilities, hits) == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)


@given(decisions(), st.randoms(use_true_random=False))
def test_nothing_depends_on_the_order_of_rows(
    made: tuple[np.ndarray, np.ndarray], shuffler: random.Random
) -> None:
    probabilities, true = made
    coarse = np.round(probabilities, 1)  # many ties
    order = np.arange(len(true))
    shuffler.shuffle(order)
    hits = right(probabilities, true)
    found, again = reliability(coarse, hits, 4), reliability(coarse[order], hits[order], 4)
    for one, other in zip(found, again, strict=True):
        assert (one.n, one.accuracy) == (other.n, pytest.approx(other.accuracy))
    area = risk_coverage_area(coarse, hits)
    assert area == pytest.approx(risk_coverage_area(coarse[order], hits[order]))
    assert 0 <= area <= 1


def test_equal_confidence_everywhere_makes_the_area_the_error_rate() -> None:
    probabilities = np.full((4, 4), 0.25)
    assert risk_coverage_area(probabilities, np.array([True, True, True, False])) == 0.25
    assert math.isnan(risk_coverage_area(probabilities[:0], np.empty(0, np.bool_)))


def test_the_temperature_is_the_best_of_a_fine_grid() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(500, 4))
    true = np.array([rng.choice(4, p=row / row.sum()) for row in np.exp(scores)])
    sharp = np.exp(3 * scores)  # three times too sure
    sharp /= sharp.sum(axis=1, keepdims=True)
    found = fitted_temperature(sharp, true)
    grid = np.exp(np.linspace(np.log(0.5), np.log(10), 400))
    losses = [log_loss(true, with_temperature(sharp, t), labels=range(4)) for t in grid]
    assert found == pytest.approx(grid[np.argmin(losses)], rel=0.01)
    assert found == pytest.approx(3, rel=0.2)


@given(decisions(), st.floats(0.05, 20))
def test_a_temperature_changes_no_decision(
    made: tuple[np.ndarray, np.ndarray], temperature: float
) -> None:
    probabilities, _ = made
    tempered = with_temperature(probabilities, temperature)
    np.testing.assert_allclose(tempered.sum(axis=1), 1)
    best = np.take_along_axis(tempered, probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(best, tempered.max(axis=1))


def test_where_all_are_right_or_wrong_no_temperature_is_best() -> None:
    probabilities = np.array([[0.6, 0.4], [0.7, 0.3]])
    assert fitted_temperature(probabilities, np.array([0, 0])) is None
    assert fitted_temperature(probabilities, np.array([1, 1])) is None


def test_a_probability_of_zero_stays_a_number() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert fitted_temperature(sure, np.array([0, 1])) is None  # the higher, the better
    np.testing.assert_allclose(with_temperature(sure, 1.0), sure, atol=1e-300)
