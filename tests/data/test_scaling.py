import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import StandardScaler

from memr_cli.data.scaling import CHUNK, Scaler, deviations, standardise_groups

features = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 20), st.integers(1, 4)),
    elements=st.floats(-1000, 1000, width=32),
)


@given(features)
def test_it_agrees_with_scikit_learn_on_complete_rows(matrix: np.ndarray) -> None:
    rows = np.arange(0, len(matrix), 2)
    scaler = Scaler.fitted(matrix, rows)
    reference = StandardScaler().fit(matrix[rows].astype(np.float64))
    np.testing.assert_allclose(scaler.mean, reference.mean_, rtol=1e-5, atol=1e-5)
    spread = reference.var_**0.5
    clear = spread > 1e-4 * (1 + np.abs(reference.mean_))  # else rounding decides what is constant
    np.testing.assert_allclose(scaler.scale[clear], reference.scale_[clear], rtol=1e-4)


def test_missing_rows_count_nowhere_and_other_rows_are_not_looked_at() -> None:
    matrix = np.array([[1.0], [np.nan], [3.0], [1e9]], np.float32)
    scaler = Scaler.fitted(matrix, np.array([0, 1, 2]))
    assert (scaler.mean[0], scaler.scale[0]) == (2.0, 1.0)


def test_a_feature_that_never_varies_is_centred_and_one_never_seen_becomes_zero() -> None:
    matrix = np.array([[0.1, np.nan]] * 5, np.float32)
    scaler = Scaler.fitted(matrix, np.arange(5))
    np.testing.assert_array_equal(scaler.scale, [1, np.inf])
    np.testing.assert_array_equal(scaler.mean, np.array([0.1, 0], np.float32))


def test_a_spread_whose_inverse_float32_cannot_hold_counts_as_none() -> None:
    matrix = np.array([[0.0], [1e-40]], np.float32)
    assert Scaler.fitted(matrix, np.arange(2)).scale.tolist() == [1.0]


def test_raw_columns_stay_as_they_are() -> None:
    matrix = np.array([[4.0, 1.0], [8.0, 0.0]], np.float32)
    scaler = Scaler.fitted(matrix, np.arange(2), n_raw=1)
    assert (scaler.mean.tolist(), scaler.scale.tolist()) == ([6.0, 0.0], [2.0, 1.0])


def test_chunks_give_what_one_pass_gives() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(5, 2, (2 * CHUNK + 7, 3)).astype(np.float32)
    scaler = Scaler.fitted(matrix, np.arange(len(matrix)))
    np.testing.assert_allclose(scaler.mean, matrix.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, matrix.std(axis=0, dtype=np.float64), rtol=1e-6)


def test_deviations_are_numpys_and_0_for_what_never_varies_or_is_missing() -> None:
    varying = np.array([1.0, 2.0, 4.0, 9.0], np.float32)
    matrix = np.stack([varying, np.full(4, 0.1), np.full(4, np.nan)], axis=1).astype(np.float32)
    found = deviations(matrix, np.array([0, 1, 2]))
    np.testing.assert_allclose(found, [varying[:3].std(), 0, 0], rtol=1e-6)


def test_each_group_is_standardised_by_itself_and_constants_become_0() -> None:
    matrix = np.array([[1, 5], [3, 5], [10, 7], [np.nan, np.nan], [30, 8]], np.float32)
    standardise_groups(matrix, np.array([0, 0, 1, 1, 1]))
    expected = [[-1, 0], [1, 0], [-1, -1], [np.nan, np.nan], [1, 1]]
    np.testing.assert_allclose(matrix, expected, atol=1e-6)
