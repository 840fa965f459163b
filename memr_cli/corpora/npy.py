"""`.npy` files: their bytes become frames, or a problem with a name. Nothing is unpickled.

Parsing has no side effects, so threads may run it.

Shapes: T frames, D dims.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from xxhash import xxh3_128_digest

from memr_cli.corpora.features import FeatureProblem, Found, Frames, Reason
from memr_cli.files.visible import show

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 10_000  # numpy's own limit for headers from untrusted files
MAX_LENGTH = 10**30  # of an axis; longer than any array, and short enough to print
FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True, slots=True)
class Blob:
    """A file or a member of an archive that exists and is not read yet. size: in bytes."""

    size: int
    read: Callable[[], bytes]

    def as_npy(self) -> Found:
        """Return its features, where it is an `.npy` file."""
        return Found(self.size, partial(_frames, self.read))


def _frames(read: Callable[[], bytes]) -> Frames:
    """Read and parse an `.npy` file. Raises FeatureProblem, with the digest of what was read."""
    content = read()
    digest = xxh3_128_digest(content)
    try:
        return Frames(parse(content), digest)
    except FeatureProblem as problem:
        problem.digest = digest
        raise


@dataclass(frozen=True)
class Header:
    """The header of an `.npy` file; the array's bytes begin at `start`."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran_order: bool
    start: int


def parse(content: bytes) -> NDArray[np.floating[Any]]:
    """Return the frames in an `.npy` file, (T, D) with T and D at least 1.

    A single vector (D,) is one frame. float16 becomes float32, which holds it exactly; float32 and
    float64 stay, as read-only views of `content` where the byte order allows. The size that the
    header claims is compared with the content before memory is taken.
    Raises FeatureProblem: not-npy, pickled, unsupported-dtype, wrong-axes, empty, truncated,
    trailing-data.
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
# small file. An entry is small, since a header of an unsupported type raises.
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
