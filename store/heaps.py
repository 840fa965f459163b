"""Global heaps, where HDF5 keeps the texts of attributes, looked at before HDF5 reads them.

HDF5 walks a heap from object to object by the sizes that stand in it, which no checksum covers. One
object of a wrong size sends it round in circles for ever, so such a heap is found here first. How
these blocks are laid out is told by the HDF5 file format specification, version 3.
"""

import os
import struct
from collections.abc import Iterator

import h5py

_HEAP_START = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_TEXT = struct.Struct("<IQI")
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTE_INFO = 0x0C, 0x10, 0x15
_VARIABLE_LENGTH = 9
_NOWHERE = b"\xff" * 8
MAX_TEXT = 2**26
"""How many bytes the texts of an attribute may take together. Many may be one and the same text."""

_MAX_BLOCKS = 1000
_SCAN_BYTES = 2**25
"""How much of the beginning and of the end of a file is looked through, where nothing points."""


class Heaps:
    """The global heaps of an open file, each walked once.

    Raises ValueError for a file whose addresses do not count from its beginning.
    """

    def __init__(self, file: h5py.File) -> None:
        self._descriptor: int = file.id.get_vfd_handle()
        self._size = os.fstat(self._descriptor).st_size
        self._walked: set[int] = set()
        self._total = 0
        self._scanned = False
        self._attributes: dict[int, dict[bytes, bytes]] = {}
        start = self._read(0, 40)
        sizes, base = (9, 12) if start[8] >= 2 else (13, 24 + 4 * start[8])
        if start[sizes : sizes + 2] != b"\x08\x08" or start[base : base + 8] != bytes(8):
            raise ValueError("addresses of other than 8 bytes, or not from the file's beginning")

    def look_at(self, thing: h5py.Group | h5py.Dataset, name: bytes) -> None:
        """Walk the heaps that an attribute of an object lies in.

        Raises ValueError where HDF5 would not come to the end of one, or take very much memory.
        """
        address = int(h5py.h5o.get_info(thing.id).addr)
        if address not in self._attributes:
            self._attributes[address] = self._attributes_at(address)
        texts = self._attributes[address].get(name, b"")
        total = 0
        for length, heap, _ in _TEXT.iter_unpack(texts[: len(texts) // 16 * 16]):
            total += length
            self._walk(heap)
        if total > MAX_TEXT:
            raise ValueError(f"an attribute with texts of {total} bytes")

    def _attributes_at(self, address: int) -> dict[bytes, bytes]:
        """Where the texts of an object's attributes are, by name: lengths, addresses, numbers."""
        found = {}
        for kind, flags, body in self._messages(address):
            dense_at = 4 if body[1:2] and body[1] & 1 else 2
            elsewhere = kind == _ATTRIBUTE_INFO and body[dense_at : dense_at + 8] != _NOWHERE
            shared = kind == _ATTRIBUTE and (flags & 2 or (body[:1] > b"\1" and body[1] & 3))
            if elsewhere or shared:
                self._scan()
            elif kind == _ATTRIBUTE:
                name, texts = _texts_of(body)
                found[name] = texts
        return found

    def _messages(self, address: int) -> Iterator[tuple[int, int, bytes]]:
        """Type, flags and body of each message of an object header."""
        header = self._read(address, 512)
        if header[:5] == b"OHDR\x02":
            head = struct.Struct("<BHB2x" if header[5] & 4 else "<BHB")
            start = 6 + 16 * bool(header[5] & 32) + 4 * bool(header[5] & 16)
            width = 1 << (header[5] & 3)
            size = int.from_bytes(header[start : start + width], "little")
            blocks, around = [(address + start + width, size)], 4  # signature and checksum
        else:
            head = struct.Struct("<HHB3x")
            size = int.from_bytes(header[8:12], "little")
            blocks, around = [(address + 16, size)], 0
        for begin, length in blocks:
            block, at = self._read(begin, min(length, self._size)), 0
            while at + head.size <= len(block):
                kind, size, flags = head.unpack_from(block, at)
                body = block[at + head.size : at + head.size + size]
                at += head.size + size
                if kind == _CONTINUATION and len(body) >= 16 and len(blocks) < _MAX_BLOCKS:
                    where, length = struct.unpack_from("<QQ", body)
                    blocks.append((where + around, max(length - 2 * around, 0)))
                else:
                    yield kind, flags, body

    def _scan(self) -> None:
        """Walk what looks like a heap: many or large attributes lie in a place of their own."""
        if self._scanned:
            return
        self._scanned = True
        ends = (0, max(0, self._size - _SCAN_BYTES))
        for start in dict.fromkeys(ends):
            block = self._read(start, _SCAN_BYTES)
            at = block.find(b"GCOL")
            while at >= 0:
                self._walk(start + at)
                at = block.find(b"GCOL", at + 1)

    def _walk(self, address: int) -> None:
        if address in self._walked or address > self._size - _HEAP_START.size:
            return
        signature, version, size = _HEAP_START.unpack(self._read(address, _HEAP_START.size))
        if signature != b"GCOL" or version != 1 or size > self._size - address:
            return  # HDF5 refuses it by itself
        if size > 2 * MAX_TEXT:
            raise ValueError(f"a heap of {size} bytes")
        self._total += size
        if self._total > self._size:
            raise ValueError("heaps that lie upon one another")
        at, end = address + _HEAP_START.size, address + size
        heap = self._read(address, size)
        while end - at >= _OBJECT.size:
            number, _, length = _OBJECT.unpack_from(heap, at - address)
            # The size of free space, number 0, counts its own header; others are padded to 8.
            step = length if number == 0 else _OBJECT.size + -(-length // 8) * 8
            if not _OBJECT.size <= step <= end - at:
                raise ValueError(f"an object of {length} bytes in the heap at {address}")
            at += step
        self._walked.add(address)

    def _read(self, address: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, address)
        except OverflowError:  # an address beyond what a file may have
            return b""


def _texts_of(body: bytes) -> tuple[bytes, bytes]:
    """The name of an attribute, and its values as they lie in its message, if they are texts."""
    version, _, *sizes = struct.unpack_from("<BBHHH", body.ljust(8, b"\0"))
    name_at = 9 if version == 3 else 8
    name = body[name_at : name_at + sizes[0]].split(b"\0")[0]
    if version == 1:  # each part is padded to 8 bytes
        sizes = [-(-size // 8) * 8 for size in sizes]
    kind_at = name_at + sizes[0]
    is_text = body[kind_at : kind_at + 1] and body[kind_at] & 15 == _VARIABLE_LENGTH
    return name, body[kind_at + sizes[1] + sizes[2] :] if is_text else b""
