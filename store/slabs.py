"""Rows of large float32 datasets, written and read a slab at a time.

D dims, n rows asked for.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.integrity import ContentHash, Entry

WRITE_ROWS = 1024
WRITE_BYTES = 2**20
"""A slab to write, and a chunk, is at most this many rows and bytes, but at least one row."""

READ_BYTES = 4 * 2**20
"""A slab to read is about this many bytes, but at least one row."""

_ITEM = np.dtype(np.float32).itemsize


def write_rows(dim: int) -> int:
    """The number of rows of `dim` values that are collected before they are written."""
    return max(1, min(WRITE_ROWS, WRITE_BYTES // (dim * _ITEM)))


class SlabWriter:
    """Appends rows to a (rows, D) float32 dataset through a buffer, hashing on the way.

    A dataset that is too short grows, if it was created resizable.
    """

    def __init__(self, dataset: h5py.Dataset) -> None:
        dim = int(dataset.shape[1])
        self._dataset = dataset
        self._buffer = np.empty((write_rows(dim), dim), np.float32)
        self._filled = 0
        self._written = 0
        self._content = ContentHash()

    def add(self, rows: NDArray[np.float32]) -> None:
        """Append rows (n, D)."""
        done = 0
        while done < len(rows):
            taken = min(len(rows) - done, len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + taken] = rows[done : done + taken]
            self._filled += taken
            done += taken
            if self._filled == len(self._buffer):
                self._flush()

    def add_missing(self, count: int) -> None:
        """Append `count` rows of NaN."""
        row = np.full((1, self._buffer.shape[1]), np.nan, np.float32)
        for _ in range(count):
            self.add(row)

    def finish(self) -> Entry:
        """Write the rest; returns the entry of the fingerprint."""
        self._flush()
        return Entry("float32", tuple(self._dataset.shape), self._content.hexdigest())

    def _flush(self) -> None:
        slab = self._buffer[: self._filled]
        stop = self._written + self._filled
        if stop > len(self._dataset):
            self._dataset.resize(stop, axis=0)
        self._dataset[self._written : stop] = slab
        self._content.add_numbers(slab)
        self._written, self._filled = stop, 0


def read_slabs(dataset: h5py.Dataset) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield all rows of a (rows, D) dataset as slabs, each with the number of its first row."""
    step = _read_rows(dataset)
    for start in range(0, len(dataset), step):
        yield start, dataset[start : start + step]


def slab_count(dataset: h5py.Dataset) -> int:
    """The number of slabs that `read_slabs` reads."""
    return -(-len(dataset) // _read_rows(dataset))


def read_range(dataset: h5py.Dataset, start: int, out: NDArray[np.float32]) -> None:
    """Read the rows from `start` on into `out` (n, D), which may have any strides."""
    if out.flags.c_contiguous:
        if out.size:
            dataset.read_direct(out, np.s_[start : start + len(out)])
        return
    step = _read_rows(dataset)
    for done in range(0, len(out), step):
        part = out[done : done + step]
        part[:] = dataset[start + done : start + done + len(part)]


def range_slabs(
    dataset: h5py.Dataset, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Iterator[NDArray[np.float32]]:
    """Yield the rows of several ranges, range by range, in slabs (n, D) filled to READ_BYTES.

    A range may begin in one slab and end in the next. Ranges that follow each other are read as
    one. Each slab is an array of its own.
    """
    left = int((stops - starts).sum())
    slab = np.empty((min(left, _read_rows(dataset)), dataset.shape[1]), np.float32)
    filled = 0
    for start, stop in _joined(starts, stops):
        done = start
        while done < stop:
            taken = min(stop - done, len(slab) - filled)
            read_range(dataset, done, slab[filled : filled + taken])
            done, filled, left = done + taken, filled + taken, left - taken
            if filled == len(slab):
                yield slab
                slab, filled = np.empty((min(left, len(slab)), slab.shape[1]), np.float32), 0


def with_owners(
    slabs: Iterable[NDArray[np.float32]], lengths: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Yield each slab of ranges with `lengths` rows, and the range of each of its rows (n,)."""
    ends, done = np.cumsum(lengths), 0
    for slab in slabs:
        yield slab, np.searchsorted(ends, np.arange(done, done + len(slab)), side="right")
        done += len(slab)


def _joined(starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Join ranges that follow each other."""
    if len(starts):
        apart = np.flatnonzero(starts[1:] != stops[:-1]) + 1
        firsts, lasts = starts[np.r_[0, apart]], stops[np.r_[apart - 1, len(stops) - 1]]
        yield from zip(firsts.tolist(), lasts.tolist(), strict=True)


def _read_rows(dataset: h5py.Dataset) -> int:
    return max(1, READ_BYTES // (int(dataset.shape[1]) * _ITEM))
