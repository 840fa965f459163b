import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from raw_folders import npy
from xxhash import xxh3_128_digest

from memr_cli.corpora.features import FeatureProblem, Pooled, check_finite, load, pool
from memr_cli.corpora.npy import Blob, parse
from memr_cli.vocabulary import Pooling


def loaded(array: np.ndarray, how: Pooling, sequences: bool = False) -> Pooled | FeatureProblem:
    content = npy(array)
    result = load(Blob(len(content), lambda: content).as_npy(), how, sequences=sequences)
    assert result.digest == xxh3_128_digest(content)
    return result.outcome


def problem_in(frames: np.ndarray) -> str | None:
    try:
        check_finite(frames)
    except FeatureProblem as problem:
        return str(problem)
    return None


@given(
    hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=4),
        elements=st.sampled_from([0.0, -1.0, 60000.0, np.nan, np.inf, -np.inf]),
    ),
    st.sampled_from(Pooling),
    st.booleans(),
)
def test_a_value_that_is_not_finite_never_hides(
    array: np.ndarray, how: Pooling, sequences: bool
) -> None:
    outcome = loaded(array, how, sequences)
    frames = parse(npy(array))
    expected = problem_in(frames)
    if isinstance(outcome, FeatureProblem):
        assert (str(outcome), outcome.reason) == (expected, "not-finite")
    else:
        assert expected is None
        assert outcome.shape == frames.shape
        assert np.array_equal(outcome.vector, pool(frames, how))
        assert (outcome.frames is not None) == sequences


def test_minus_infinity_does_not_hide_behind_a_greater_value() -> None:
    outcome = loaded(np.array([[1, -np.inf], [1, 2]], np.float32), Pooling.MAX)
    assert isinstance(outcome, FeatureProblem)
    assert "holds -inf at frame 0, dim 1" in str(outcome)


@pytest.mark.parametrize("sequences", [False, True])
def test_sums_beyond_float32_are_no_problem_of_the_file(sequences: bool) -> None:
    outcome = loaded(np.full((9, 2), 3e38, np.float32), Pooling.MEAN, sequences)
    assert isinstance(outcome, Pooled)
    assert np.array_equal(outcome.vector, np.full(2, 3e38, np.float32))


def test_a_good_file_is_looked_at_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memr_cli.corpora.features.check_finite", None)
    frames = np.random.default_rng(0).standard_normal((50, 7), np.float32)
    for how in Pooling:
        assert isinstance(loaded(frames, how), Pooled)
