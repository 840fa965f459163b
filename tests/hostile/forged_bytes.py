"""Stores forged in the bytes of HDF5's own structures: addresses and signatures."""

import struct
import sys
from functools import partial
from pathlib import Path
from typing import Any

import h5py

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

from store_samples import put_attribute, seal

POOLED = "features/lexical/pooled"


def in_old_format(path: Path) -> None:
    """The same content in the structures of HDF5 1.6, which h5py writes by itself."""
    whole = path.rename(path.with_name("whole.h5"))
    with h5py.File(whole) as source, h5py.File(path, "w") as target:
        source.visititems(partial(_copy, target))
        _copy(target, "/", source)
    whole.unlink()


def _copy(target: h5py.File, name: str, thing: Any) -> None:
    if isinstance(thing, h5py.Dataset):
        target.create_dataset(name, data=thing[()], dtype=thing.dtype)
    else:
        target.require_group(name)
    for key in thing.attrs:
        target[name].attrs.create(key, thing.attrs[key], dtype=thing.attrs.get_id(key).dtype)


def looping_heap(path: Path) -> None:
    """A last heap with free space of no size, around which HDF5 walks for ever."""
    whole = bytearray(path.read_bytes())
    at = whole.rindex(b"GCOL") + 16
    whole[at : at + 16] = bytes(16)
    path.write_bytes(whole)


def beyond_the_end(path: Path) -> None:
    """Features whose last values would lie behind the end of the file."""
    in_old_format(path)  # where no checksum covers the place of a dataset
    with h5py.File(path) as file:
        dataset = file[POOLED].id
        place = dataset.get_offset(), dataset.get_storage_size()
    whole = path.read_bytes()
    moved = struct.pack("<QQ", len(whole) - 8, place[1])
    path.write_bytes(whole.replace(struct.pack("<QQ", *place), moved))


def many_attributes(path: Path) -> None:
    """More attributes of the provenance than fit into its header."""
    with h5py.File(path, "r+") as file:
        for number in range(40):
            put_attribute(file["provenance"], f"note{number}", "x" * 500)
    seal(path)


def user_block(path: Path) -> None:
    """The signature not at the beginning."""
    path.write_bytes(bytes(512) + path.read_bytes())


def two_signatures(path: Path) -> None:
    """A store behind a signature that begins nothing."""
    path.write_bytes(b"\x89HDF\r\n\x1a\n".ljust(512, b"\0") + path.read_bytes())
