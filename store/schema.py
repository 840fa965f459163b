"""The layout of a store, version 2, as data; FORMAT.md says the same in prose.

N utterances, D dims, F frames of all utterances together, S names in a list, R ranges.
"""

import re
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

FORMAT_NAME = "memr-store"
FORMAT_VERSION = 2
OLDEST_VERSION = 2
"""Stores from this version up to FORMAT_VERSION can be read; earlier ones were never released."""

NONE = -1
"""The code of a missing session, dialogue, turn, split or label"""

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of any HDF5 file without a user block"""

MAX_TEXT_BYTES = 1024
"""Most bytes of an utterance id or name, in UTF-8"""

MODALITY_NAME = re.compile(r"[a-z][a-z0-9_]*")

TEXT = "text"
NUMPY_TYPES: dict[str, np.dtype[Any]] = {
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float32": np.dtype("<f4"),
    "bool": np.dtype("?"),
}

NAME_LISTS = ("speaker", "session", "dialogue", "split")
"""The sorted lists of names that utterance columns have codes into"""

Scalar = str | int | float | bool
"""The types of the values of provenance"""

Shape = tuple[int | str, ...]


@dataclass(frozen=True)
class Field:
    """One dataset: its path within the file or group, its type, its shape.

    In `shape` a number is fixed, "N", "N+1" and "D" are the store's, any other letter is free.
    """

    path: str
    kind: str
    shape: Shape


FIELDS = (
    Field("utterances/id", TEXT, ("N",)),
    Field("utterances/speaker", "int32", ("N",)),
    Field("utterances/session", "int32", ("N",)),
    Field("utterances/dialogue", "int32", ("N",)),
    Field("utterances/turn", "int32", ("N",)),
    Field("utterances/label", "int32", ("N",)),
    Field("utterances/split", "int32", ("N",)),
    Field("utterances/source_row", "int64", ("N",)),
    Field("names/class", TEXT, ("C",)),
    *(Field(f"names/{name}", TEXT, ("S",)) for name in NAME_LISTS),
    Field("index/speaker", "int64", ("S", 2)),
    Field("index/label", "int64", ("R", 3)),
)

MODALITY_FIELDS = (
    Field("pooled", "float32", ("N", "D")),
    Field("present", "bool", ("N",)),
    Field("frames", "int64", ("N",)),
)

SEQUENCE_FIELDS = (
    Field("frames", "float32", ("F", "D")),
    Field("offsets", "int64", ("N+1",)),
)


def text_type(width: int) -> np.dtype[Any]:
    """The type of texts: UTF-8 in `width` bytes, padded with NUL."""
    return h5py.string_dtype("utf-8", length=max(width, 1))  # type: ignore[no-any-return]


def kind_of(stored: h5py.h5t.TypeID) -> str:
    """Name a plain type: one of ours, or in words what it is instead.

    numpy's description of a type leaves out the padding of texts and unused bits of numbers.
    """
    if isinstance(stored, h5py.h5t.TypeStringID):
        charset = "utf-8" if stored.get_cset() == h5py.h5t.CSET_UTF8 else "ascii"
        if stored.get_strpad() != h5py.h5t.STR_NULLPAD:
            return f"{charset} text that is not H5T_STR_NULLPAD"
        return TEXT if charset == "utf-8" else f"{charset} text"
    dtype = stored.dtype
    for name, ours in NUMPY_TYPES.items():
        if dtype == ours:
            # HDF5 allows any byte order for an enumeration over bytes.
            same = name == "bool" or stored.equal(h5py.h5t.py_create(ours))
            return name if same else f"{name} of fewer or other bits"
    return str(dtype.str)
