import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from raw_folders import npy, npy_claiming

from memr_cli.corpora.features import FeatureProblem, Reason, check_finite
from memr_cli.corpora.npy import parse

WHOLE = npy(np.arange(12, dtype=np.float32).reshape(3, 4))


def reason_of(content: bytes) -> Reason:
    with pytest.raises(FeatureProblem) as caught:
        check_finite(parse(content))
    return caught.value.reason


@given(
    hnp.arrays(
        st.sampled_from(["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"]),
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=5),
        elements=st.floats(-1000, 1000, width=16),
    ),
    st.booleans(),
)
def test_arrays_come_back_as_frames(array: np.ndarray, fortran: bool) -> None:
    frames = parse(npy(np.asfortranarray(array) if fortran else array))
    assert np.array_equal(frames, np.atleast_2d(array))
    assert frames.dtype == (np.float64 if array.dtype.itemsize == 8 else np.float32)
    assert frames.dtype.isnative


def test_a_vector_is_one_frame() -> None:
    assert parse(npy(np.ones(5, np.float32))).shape == (1, 5)


def test_headers_of_version_2_and_of_python_2_are_read() -> None:
    stream_of_version_2 = bytearray(WHOLE)
    stream_of_version_2[6:10] = b"\x02\x00" + struct.pack("<I", struct.unpack("<H", WHOLE[8:10])[0])
    assert parse(bytes(stream_of_version_2)).shape == (3, 4)
    old = npy_claiming("{'descr': '<f4', 'fortran_order': False, 'shape': (1L, 2L)}", bytes(8))
    assert parse(old).shape == (1, 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (WHOLE[:4], "truncated"),
        (WHOLE[:60], "truncated"),
        (WHOLE[:-1], "truncated"),
        (WHOLE + b"\0", "trailing-data"),
        (b"ID3 not features at all", "not-npy"),
        (b"PK\x03\x04" + bytes(60), "not-npy"),
        (b"\x93NUMPY\x09\x00" + WHOLE[8:], "not-npy"),
        (npy_claiming("{'descr': '<f4'"), "not-npy"),
        (npy_claiming("(" * 5000), "not-npy"),
        (npy_claiming("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}"), "not-npy"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + bytes(64), "not-npy"),
        (pickle.dumps(np.ones(3)), "pickled"),
        (npy(np.array([{}, 1], dtype=object), allow_pickle=True), "pickled"),
        (npy(np.ones((2, 3), np.int64)), "unsupported-dtype"),
        (npy(np.ones((2, 3), bool)), "unsupported-dtype"),
        (npy(np.ones((2, 3), np.complex64)), "unsupported-dtype"),
        (npy(np.array(["angry"])), "unsupported-dtype"),
        (npy(np.zeros(2, [("x", "<f4")])), "unsupported-dtype"),
        (npy(np.float32(3)), "wrong-axes"),
        (npy(np.ones((2, 3, 4), np.float32)), "wrong-axes"),
        (npy(np.ones((0, 4), np.float32)), "empty"),
        (npy(np.ones((4, 0), np.float32)), "empty"),
        (npy(np.ones(0, np.float32)), "empty"),
        (npy(np.array([[1, np.nan]], np.float32)), "not-finite"),
        (npy(np.array([1, np.inf], np.float16)), "not-finite"),
        (npy(np.array([[1], [-np.inf]], np.float64)), "not-finite"),
    ],
)
def test_what_is_wrong_with_a_file_has_its_own_reason(content: bytes, reason: str) -> None:
    assert reason_of(content) == reason


def test_messages_say_what_was_found() -> None:
    with pytest.raises(FeatureProblem, match=r"3 axes, shape \(2, 3, 4\)"):
        parse(npy(np.ones((2, 3, 4), np.float32)))
    with pytest.raises(FeatureProblem, match=r"shape \(3, 4\) of float32, 48 bytes, and 40 follow"):
        parse(WHOLE[:-8])
    frames = np.ones((3, 4), np.float32)
    frames[1, 2] = np.nan
    with pytest.raises(FeatureProblem, match=r"nan at frame 1, dim 2.*1 of its 12 values"):
        check_finite(frames)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    for content in (
        npy(np.array([Trap(sprung)], dtype=object), allow_pickle=True),
        pickle.dumps(Trap(sprung)),
    ):
        assert reason_of(content) == "pickled"
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))  # noqa: S301 - shows that the trap works
    assert sprung.exists()


@pytest.mark.parametrize("shape", [(10**6, 10**6), (2**62, 4), (10**30, 1)])
def test_a_huge_claim_takes_no_memory(shape: tuple[int, int]) -> None:
    content = npy_claiming(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}")
    tracemalloc.start()
    try:
        assert reason_of(content) == "truncated"
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@given(st.data())
def test_damaged_bytes_give_frames_or_a_problem_and_nothing_else(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(WHOLE) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(WHOLE)))
    try:
        frames = parse(bytes(damaged[:cut]))
    except FeatureProblem:
        return
    assert frames.ndim == 2
    assert frames.size
