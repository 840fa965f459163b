"""The features of one utterance: read, checked, and pooled over time into one vector.

`FeatureSource` is the interface of whatever stores features. It returns arrays, so files of any
kind can be behind it.

Shapes: T frames, D dims.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from memr_cli.corpora.limits import too_large
from memr_cli.vocabulary import Pooling


class Reason(StrEnum):
    """Why a feature file cannot be used. Scripts may rely on these codes."""

    MISSING_FILE = "missing-file"
    OUTSIDE_RAW = "outside-raw"
    NOT_A_FILE = "not-a-file"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too-large"
    ENCRYPTED = "encrypted"
    DAMAGED_MEMBER = "damaged-member"
    NOT_NPY = "not-npy"
    PICKLED = "pickled"
    UNSUPPORTED_DTYPE = "unsupported-dtype"
    WRONG_AXES = "wrong-axes"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    TRAILING_DATA = "trailing-data"
    NOT_FINITE = "not-finite"
    DIFFERENT_DIMS = "different-dims"


class FeatureProblem(Exception):  # noqa: N818 - reported and worked around, seldom an error
    """A feature file that cannot be used; the utterance lacks this modality.

    `str()` is a clause whose subject is the file's path. digest: of the file's bytes where they
    were read, else of the reason.
    """

    def __init__(self, reason: Reason, message: str, digest: bytes | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.digest = digest or xxh3_128_digest(reason.encode())


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames (T, D) of one utterance, and a digest of the bytes that they were read from.

    The digest is XXH3 of 128 bits, which is as fast as reading. It shows changes of the features;
    it does not protect against someone who wants two files to look alike.
    """

    array: NDArray[np.floating[Any]]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """Features that exist and are not read yet. size: bytes that they occupy where they are."""

    size: int
    read: Callable[[], Frames]
    """Return the frames, in any thread. Raises FeatureProblem, and OSError from the system."""


class FeatureSource(Protocol):
    """Returns features by the path that the layout lists; for files it is relative to RAW."""

    def find(self, path: str) -> Found:
        """Return the features at `path`, not read yet. Raises FeatureProblem, OSError."""
        ...

    def close(self) -> None:
        """Close what is open; nothing can be read after this."""
        ...


@dataclass(frozen=True)
class Pooled:
    """Usable features: `shape` (T, D), `vector` (D,), and `frames` (T, D) where they are kept."""

    shape: tuple[int, int]
    vector: NDArray[np.float32]
    frames: NDArray[np.float32] | None


@dataclass(frozen=True)
class Loaded:
    """The outcome of loading features, and their digest or that of the problem."""

    digest: bytes
    outcome: Pooled | FeatureProblem


def load(found: Found | FeatureProblem, pooling: Pooling, *, sequences: bool) -> Loaded:
    """Read, check and pool features; `sequences` keeps their frames. Raises OSError.

    It has no state and no side effects, so threads may run it.
    """
    if isinstance(found, FeatureProblem):
        return Loaded(found.digest, found)
    frames = None
    try:
        frames = found.read()
        return Loaded(frames.digest, _pooled(frames.array, pooling, sequences))
    except FeatureProblem as problem:
        return Loaded(frames.digest if frames else problem.digest, problem)


def pool(frames: NDArray[np.floating[Any]], how: Pooling) -> NDArray[np.float32] | None:
    """Return one vector (D,) for frames (T, D) or a single frame (D,); None for an empty array.

    `mean` and `max` run over time T, as in the published notebook. Frames without time (T = 0) or
    dims (D = 0) are a missing modality, not a vector of zeros. float16 is summed as float32,
    float64 as float64; a float32 sum of finite frames that overflows is repeated in float64. A
    result beyond float32 becomes infinite and NaN stays NaN: the caller has to refuse both.
    Raises ValueError for any other number of axes.
    """
    if frames.ndim not in (1, 2):
        raise ValueError(f"frames have shape (T, D) or (D,), not {frames.shape}")
    if frames.size == 0:
        return None
    sequence = np.atleast_2d(frames)
    vector: NDArray[np.floating[Any]]
    with np.errstate(over="ignore", invalid="ignore"):
        # One frame is its own mean and maximum; many corpora hold nothing else.
        if len(sequence) == 1:
            vector = sequence[0]
        elif how is Pooling.MAX:
            vector = sequence.max(axis=0)
        else:
            vector = sequence.mean(axis=0, dtype=np.result_type(sequence, np.float32))
            if not np.isfinite(vector).all():
                vector = sequence.mean(axis=0, dtype=np.float64)
        return vector.astype(np.float32)


def check_finite(frames: NDArray[np.floating[Any]]) -> None:
    """Raise FeatureProblem not-finite where frames (T, D) hold NaN or infinity."""
    finite = np.isfinite(frames)
    if finite.all():
        return
    frame, dim = (int(i) for i in np.argwhere(~finite)[0])
    raise FeatureProblem(
        Reason.NOT_FINITE,
        f"holds {frames[frame, dim]} at frame {frame}, dim {dim} (counted from 0); "
        f"{finite.size - np.count_nonzero(finite)} of its {finite.size} values are not finite",
    )


def check_size(size: int, limit: int) -> None:
    """Raise FeatureProblem too-large for a file of more bytes than the limit."""
    if size > limit:
        raise FeatureProblem(Reason.TOO_LARGE, too_large(size, limit))


def _pooled(frames: NDArray[np.floating[Any]], pooling: Pooling, sequences: bool) -> Pooled:
    vector = pool(frames, pooling)
    if vector is None:
        raise FeatureProblem(Reason.EMPTY, f"is an empty array of shape {frames.shape}")
    if not _proves_finite(vector, frames, pooling):
        check_finite(frames)
    kept = None
    if sequences:
        with np.errstate(over="ignore"):  # refused right below
            kept = frames.astype(np.float32, copy=False)
    narrowed = vector if kept is None or kept is frames else kept
    if not np.isfinite(narrowed).all():
        raise FeatureProblem(Reason.NOT_FINITE, "holds values beyond the range of float32")
    return Pooled((frames.shape[0], frames.shape[1]), vector, kept)


def _proves_finite(
    vector: NDArray[np.float32], frames: NDArray[np.floating[Any]], pooling: Pooling
) -> bool:
    """Return whether a pooled vector (D,) proves frames (T, D) finite, which saves a pass.

    NaN and infinity in a frame remain in any sum. They remain in a maximum too, but for minus
    infinity, which the minimum shows.
    """
    if not np.isfinite(vector).all():
        return False
    return pooling is Pooling.MEAN or len(frames) == 1 or bool(np.isfinite(frames.min()))
