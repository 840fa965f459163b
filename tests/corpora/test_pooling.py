import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.corpora.features import pool
from memr_cli.vocabulary import Pooling

frames_of_any_float = hnp.arrays(
    st.sampled_from([np.float16, np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
    elements=st.floats(-60000, 60000, width=16),
)


@given(frames_of_any_float)
def test_the_mean_is_taken_over_time(frames: np.ndarray) -> None:
    vector = pool(frames, Pooling.MEAN)
    expected = frames.astype(np.float64).mean(axis=0)
    assert vector is not None
    assert vector.dtype == np.float32
    assert vector.shape == frames.shape[1:]
    scale = np.abs(frames.astype(np.float64)).mean(axis=0)
    assert (np.abs(vector - expected) <= 1e-5 * scale).all()


@given(frames_of_any_float)
def test_the_max_is_one_of_the_frames_and_none_is_greater(frames: np.ndarray) -> None:
    vector = pool(frames, Pooling.MAX)
    assert vector is not None
    assert vector.dtype == np.float32
    assert np.array_equal(vector, frames.astype(np.float32).max(axis=0))


@given(frames_of_any_float, st.sampled_from(Pooling), st.randoms(use_true_random=False))
def test_the_order_of_frames_does_not_matter(frames, how, random) -> None:
    order = list(range(len(frames)))
    random.shuffle(order)
    scale = float(np.abs(frames.astype(np.float64)).max()) + 1e-30
    difference = pool(frames, how) - pool(frames[order], how)
    assert np.abs(difference).max() <= 1e-5 * scale


@given(hnp.arrays(np.float32, st.integers(1, 9), elements=st.floats(-9, 9, width=32)))
def test_one_frame_is_its_own_pooled_vector(frame: np.ndarray) -> None:
    for how in Pooling:
        assert np.array_equal(pool(frame, how), frame)
        assert np.array_equal(pool(frame[np.newaxis], how), frame)


@pytest.mark.parametrize("how", Pooling)
@pytest.mark.parametrize("shape", [(0, 3), (0,), (3, 0)])
def test_an_empty_array_is_a_missing_modality(shape: tuple[int, ...], how: Pooling) -> None:
    assert pool(np.zeros(shape, np.float32), how) is None


def test_float16_does_not_overflow_while_it_is_added_up() -> None:
    frames = np.full((1000, 2), 60000, np.float16)
    assert np.allclose(pool(frames, Pooling.MEAN), 60000, rtol=1e-3)


def test_float32_does_not_overflow_while_it_is_added_up() -> None:
    assert np.array_equal(pool(np.full((4, 1), 3e38, np.float32), Pooling.MEAN), np.float32([3e38]))


@pytest.mark.parametrize("how", Pooling)
def test_a_value_beyond_float32_comes_out_infinite(how: Pooling) -> None:
    assert np.isinf(pool(np.array([[1e300], [1e300]]), how)).all()


def test_float64_is_added_up_as_float64() -> None:
    assert pool(np.array([[1e9 + 1], [-1e9]]), Pooling.MEAN) == [0.5]


def test_the_mean_of_float32_is_numpys_own() -> None:
    frames = np.random.default_rng(0).standard_normal((50, 7), np.float32)
    assert np.array_equal(pool(frames, Pooling.MEAN), frames.mean(axis=0))


def test_a_pooled_vector_does_not_share_memory_with_its_frames() -> None:
    frames = np.ones((1, 3), np.float32)
    assert not np.shares_memory(pool(frames, Pooling.MEAN), frames)


@pytest.mark.parametrize("shape", [(), (1, 2, 3)])
def test_other_numbers_of_axes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(T, D\) or \(D,\)"):
        pool(np.zeros(shape), Pooling.MEAN)
