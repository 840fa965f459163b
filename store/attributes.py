"""Attributes as they are needed here: single values and lists of texts, and nothing else.

What an attribute is, is looked at before any of it is read, so that no foreign type is converted
and no memory is taken for what would be refused anyway.
"""

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from store.heaps import Heaps
from store.schema import PLAIN_CLASSES

MAX_LIST_BYTES = 2**24
"""How much a list of texts may take, without the texts themselves: 16 bytes each."""

_MAX_SINGLE_BYTES = 64

_CLASSES = {
    h5py.h5t.COMPOUND: "compound",
    h5py.h5t.REFERENCE: "reference",
    h5py.h5t.OPAQUE: "opaque",
    h5py.h5t.VLEN: "variable-length",
    h5py.h5t.ARRAY: "array",
    h5py.h5t.BITFIELD: "bit field",
    h5py.h5t.TIME: "time",
}


@dataclass(frozen=True)
class Foreign:
    """Stands for a value that is neither a single text or number nor a list of texts."""

    what: str

    def __repr__(self) -> str:
        return self.what


def read_attribute(thing: h5py.Group | h5py.Dataset, name: str | bytes, heaps: Heaps) -> Any:
    """An attribute's value: str, a numpy scalar, an array of texts (n,), or Foreign; None without.

    Bytes of a text that are not UTF-8 come as surrogates. Raises one of `opening.HDF5_ERRORS` where
    HDF5 cannot read it.
    """
    raw = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if not h5py.h5a.exists(thing.id, raw):
        return None
    attribute = h5py.h5a.open(thing.id, raw)
    kind, space = attribute.get_type(), attribute.get_space()
    extent = space.get_simple_extent_type()
    if extent == h5py.h5s.NULL:
        return Foreign("no value")
    if kind.get_class() not in PLAIN_CLASSES:
        return Foreign(f"a value of {foreign_class(kind)}")
    heaps.look_at(thing, raw)
    is_text = isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str()
    is_single = extent == h5py.h5s.SCALAR
    size = space.get_simple_extent_npoints() * kind.get_size()
    if size > (_MAX_SINGLE_BYTES if is_single or not is_text else MAX_LIST_BYTES):
        return Foreign(f"a value of {size} bytes")
    if is_text and is_single:
        text = np.empty((), object)
        attribute.read(text)
        return text.item().decode("utf-8", "surrogateescape")
    return thing.attrs[name]


def foreign_class(kind: h5py.h5t.TypeID) -> str:
    """What a type is that is no text, number or enumeration, in words."""
    return f"{_CLASSES.get(kind.get_class(), 'unknown')} type"
