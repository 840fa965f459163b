"""One `.npy` file of features: its bytes become frames, or a named problem. Never unpickles.

Shapes: T frames, D dims.

The steps are separate and free of side effects, so that they can run ahead in threads: a
source reads bytes, `parse` makes frames of them, `check_finite` looks at the numbers.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from memr_cli.corpora.quoting import show

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 10_000  # numpy's own limit for headers from untrusted files
MAX_LENGTH = 10**30  # of an axis; longer than any array, and short enough to be told
FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


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

    `str()` is a clause that the file's path is the subject of. digest: of the file's bytes where
    these were read, else of the reason.
    """

    def __init__(self, reason: Reason, message: str, digest: bytes | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.digest = digest or xxh3_128_digest(reason.encode())


@dataclass(frozen=True, eq=False)
class Frames:
    """The frames (T, D) of one utterance, and a digest of what they were read from.

    The digest is XXH3 of 128 bits, which is no slower than reading: it tells whether the features
    have changed, and is no proof against someone who wants two files to look the same.
    """

    array: NDArray[np.floating[Any]]
    digest: bytes


def from_npy(read: Callable[[], bytes]) -> Frames:
    """Read the bytes of an `.npy` file and parse them. Raises FeatureProblem as both do."""
    content = read()
    digest = xxh3_128_digest(content)
    try:
        return Frames(parse(content), digest)
    except FeatureProblem as problem:
        problem.digest = digest
        raise


@dataclass(frozen=True)
class Header:
    """What an `.npy` file says of itself; the array's bytes begin at `start`."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    start: int


def parse(content: bytes) -> NDArray[np.floating[Any]]:
    """The frames that an `.npy` file holds, (T, D) with T and D at least 1.

    A single vector (D,) is one frame. float16 comes as float32, which holds it exactly; float32
    and float64 come as they are, as read-only views of `content` where the byte order allows.
    Raises FeatureProblem: not-npy, pickled, unsupported-dtype, wrong-axes, empty, truncated,
    trailing-data. What the header claims is compared with the bytes there are before anything
    of that size is made.
    """
    header = _header(content)
    _check_shape(header.shape)
    count = math.prod(header.shape)
    claimed = count * header.dtype.itemsize
    held = len(content) - header.start
    if held < claimed:
        raise FeatureProblem(
            Reason.TRUNCATED,
            f"is cut off: its header claims shape {header.shape} of {header.dtype.name}, "
            f"{claimed} bytes, and {held} follow",
        )
    if held > claimed:
        raise FeatureProblem(
            Reason.TRAILING_DATA,
            f"goes on for {held - claimed} bytes after the array of shape {header.shape} "
            "that its header claims; one file holds one array",
        )
    values = np.frombuffer(content, header.dtype, count, header.start)
    array = values.reshape(header.shape, order="F" if header.fortran_order else "C")
    wanted = np.float64 if header.dtype.itemsize == 8 else np.float32
    return np.atleast_2d(array).astype(wanted, copy=False)


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


def _header(content: bytes) -> Header:
    """Raises FeatureProblem: not-npy, pickled, unsupported-dtype, truncated."""
    if not content.startswith(MAGIC):
        raise _not_npy(content)
    # Version 1 counts the header in two bytes; 2 and 3 in four. Version 3 exists for field names
    # outside Latin-1, which no array of plain floats has.
    width = 2 if content[6:7] == b"\x01" else 4
    start = 8 + width
    length = int.from_bytes(content[8:start], "little")
    if len(content) >= start and length > MAX_HEADER_BYTES:
        raise FeatureProblem(
            Reason.NOT_NPY, f"is not a usable .npy file: its header claims {length} bytes"
        )
    if len(content) < start + length:
        raise FeatureProblem(
            Reason.TRUNCATED, f"is cut off within its header, after {len(content)} bytes"
        )
    return _parse_header(content[: start + length])


# Files of one modality share few distinct headers, and parsing one costs more than reading a
# small file. What is kept of each is small, since a header of another type raises.
@lru_cache(maxsize=4096)
def _parse_header(header: bytes) -> Header:
    stream = BytesIO(header)
    try:
        with warnings.catch_warnings():
            # numpy warns of headers written under Python 2, which it reads all the same.
            warnings.simplefilter("ignore")
            version = npy.read_magic(stream)
            if version not in ((1, 0), (2, 0), (3, 0)):
                raise ValueError(version)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read(stream, max_header_size=MAX_HEADER_BYTES)
    except Exception as error:  # whatever a literal parser raises on bytes made to break it
        raise FeatureProblem(
            Reason.NOT_NPY, "is not a usable .npy file: its header cannot be understood"
        ) from error
    # Python does not print integers of thousands of digits, which a header can write in base 16.
    if any(not 0 <= length <= MAX_LENGTH for length in shape):
        raise FeatureProblem(
            Reason.NOT_NPY,
            "is not a usable .npy file: its header claims an axis that no array can have",
        )
    _check_dtype(dtype)
    return Header(dtype, tuple(int(length) for length in shape), fortran_order, len(header))


def _not_npy(content: bytes) -> FeatureProblem:
    if MAGIC.startswith(content):
        return FeatureProblem(
            Reason.TRUNCATED, f"is cut off before its header, after {len(content)} bytes"
        )
    # Protocols 2 and later of pickle open so, and close with a full stop.
    if content[:1] == b"\x80" and content[1:2] <= b"\x05" and content.endswith(b"."):
        return FeatureProblem(Reason.PICKLED, f"is a bare pickle; {_RESAVE}")
    if content.startswith(b"PK\x03\x04"):
        return FeatureProblem(
            Reason.NOT_NPY, "is a zip or .npz archive, not an .npy file; save one array with numpy"
        )
    return FeatureProblem(
        Reason.NOT_NPY, f"is not an .npy file: it begins with {content[:6]!r}, not {MAGIC!r}"
    )


_RESAVE = "pickles are never opened here, save the array as plain floats"


def _check_dtype(dtype: np.dtype[Any]) -> None:
    if dtype.hasobject:
        raise FeatureProblem(
            Reason.PICKLED,
            f"holds Python objects as a pickle (dtype {show(str(dtype))}); {_RESAVE}",
        )
    if dtype.newbyteorder("=") not in FLOATS:
        raise FeatureProblem(
            Reason.UNSUPPORTED_DTYPE,
            f"holds {show(str(dtype))}; features are float16, float32 or float64",
        )


def _check_shape(shape: tuple[int, ...]) -> None:
    if len(shape) not in (1, 2):
        raise FeatureProblem(
            Reason.WRONG_AXES,
            f"has {len(shape)} axes, shape {show(str(shape))}; features are (frames, dims) or "
            "(dims,)",
        )
    if 0 in shape:
        raise FeatureProblem(Reason.EMPTY, f"is an empty array of shape {shape}")
