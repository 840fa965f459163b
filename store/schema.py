"""The layout of a store, version 1, as data; FORMAT.md says the same in prose.

N utterances, D dims, F frames of all utterances together, S names in a list, R ranges.
"""

import re
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

FORMAT_NAME = "memr-store"
FORMAT_VERSION = 1
OLDEST_VERSION = 1
"""Stores from this version up to FORMAT_VERSION can be read."""

NONE = -1
"""The code for "no such thing": no session, no dialogue, no turn, no split, no label."""

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of a store, as of any HDF5 file without a user block."""

MAX_TEXT_BYTES = 1024
"""How long an utterance id or a name may be, in UTF-8."""

MODALITY_NAME = re.compile(r"[a-z][a-z0-9_]*")

PLAIN_CLASSES = frozenset({h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.ENUM})
"""HDF5's classes of the types that a store uses; of others, nothing is read."""

TEXT = "text"
NUMPY_TYPES: dict[str, np.dtype[Any]] = {
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float32": np.dtype("<f4"),
    "bool": np.dtype("?"),
}

NAME_LISTS = ("speaker", "session", "dialogue", "split")

Scalar = str | int | float | bool
"""What an attribute of the provenance may be."""

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
    """The type of a text dataset: UTF-8 in `width` bytes, padded with NUL."""
    return h5py.string_dtype("utf-8", length=max(width, 1))  # type: ignore[no-any-return]


def kind_of(stored: h5py.h5t.TypeID) -> str:
    """The name of a type that HDF5 stores: one of ours, or in words what it is instead.

    numpy's description of it leaves out how text is padded and how many bits of a number count.
    """
    dtype = stored.dtype
    text = h5py.check_string_dtype(dtype)
    if text is not None:
        if text.length is None:
            return f"variable-length {text.encoding} text"
        if stored.get_strpad() != h5py.h5t.STR_NULLPAD:
            return f"{text.encoding} text that is not H5T_STR_NULLPAD"
        return TEXT if text.encoding == "utf-8" else f"{text.encoding} text"
    for name, ours in NUMPY_TYPES.items():
        if dtype == ours:
            # Truth values are an enumeration over bytes, which may be said to have any order.
            same = name == "bool" or stored.equal(h5py.h5t.py_create(ours))
            return name if same else f"{name} of fewer or other bits"
    return str(dtype.str)
