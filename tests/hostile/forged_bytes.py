"""Stores forged beneath HDF5, in the bytes that it takes for its own: heaps, places, signatures."""

import struct
import sys
from functools import partial
from pathlib import Path
from typing import Any

import h5py

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

from store_samples import seal

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
    for key, value in thing.attrs.items():
        kind = h5py.string_dtype() if key == "class_names" else None
        target[name].attrs.create(key, value, dtype=kind)


def many_class_names(path: Path) -> None:
    """Three thousand texts of a megabyte, which are all one and the same in the file."""
    with h5py.File(path, "r+") as file:
        file.attrs.create("class_names", ["x" * 2**20, *["y"] * 3000], dtype=h5py.string_dtype())
    in_old_format(path)  # where no checksum covers the attribute
    whole = bytearray(path.read_bytes())
    length = struct.pack("<I", 2**20)
    at = whole.find(length)
    while whole[int.from_bytes(whole[at + 4 : at + 12], "little") :][:4] != b"GCOL":
        at = whole.find(length, at + 1)
    whole[at : at + 16 * 3001] = whole[at : at + 16] * 3001
    path.write_bytes(whole)


def looping_heap(path: Path) -> None:
    """A last heap with free space of no size, around which HDF5 walks for ever."""
    whole = bytearray(path.read_bytes())
    at = whole.rfind(b"GCOL") + 16
    whole[at : at + 16] = bytes(16)
    path.write_bytes(whole)


def notes_in_a_heap_of_their_own(path: Path) -> None:
    """Texts that only attributes kept outside of the header point to."""
    many_attributes(path)
    with h5py.File(path, "r+") as file:
        for number in range(4):
            file["provenance"].attrs[f"long{number}"] = "x" * 5000


def nested_heaps(path: Path) -> None:
    """Behind the end, heaps of which each is one object of the one before it."""
    many_attributes(path)  # so that heaps are looked for
    count = 200
    with path.open("ab") as file:
        file.write(bytes(-file.tell() % 8))
        for number in range(count):
            size = 32 * (count - number) + 32
            file.write(b"GCOL\1\0\0\0" + struct.pack("<QHH4xQ", size, 1, 0, size - 32))
        file.write(bytes(32))


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
            file["provenance"].attrs[f"note{number}"] = "x" * 500
    seal(path)


def user_block(path: Path) -> None:
    """The signature not at the beginning."""
    path.write_bytes(bytes(512) + path.read_bytes())


def two_signatures(path: Path) -> None:
    """A store behind a signature that begins nothing."""
    path.write_bytes(b"\x89HDF\r\n\x1a\n".ljust(512, b"\0") + path.read_bytes())
