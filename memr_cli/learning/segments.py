"""The frames of one modality, as segments of which no utterance has more than so many.

An utterance longer than `most` frames is cut into that many equal stretches, and the mean of each
stands for it; a shorter one is left as it is. Frames are read in slabs and added up as they come,
so that reading is linear in frames and takes no more memory for longer utterances.

Letters: N utterances, D features, S segments of several rows one after another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from store.slabs import with_owners

Rows = NDArray[np.int64]

BLOCK_BYTES = 2**24
"""Segments that are looked at together when all are gone through."""

ITEM = np.dtype(np.float32).itemsize


class Frames(Protocol):
    """Where frames come from."""

    def sequence_lengths(self, name: str) -> Rows:
        """(N,) how many frames of a modality each utterance has, 0 where missing."""
        ...

    def frame_slabs(self, name: str, rows: Rows) -> Iterator[NDArray[np.float32]]:
        """The frames of `rows`, one row after another, in slabs cut anywhere."""
        ...


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each row's segments: means and population variances (N, D); shift (D,): near all means."""

    means: NDArray[np.float32]
    variances: NDArray[np.float32]
    shift: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Modality:
    """The frames of one modality. lengths: (N,). most: segments of an utterance, at most."""

    source: Frames
    name: str
    dim: int
    most: int
    lengths: Rows

    @cached_property
    def counts(self) -> Rows:
        """(N,) how many segments each utterance has, 0 where missing."""
        return np.minimum(self.lengths, self.most)

    @cached_property
    def starts(self) -> Rows:
        """(N,) where the segments of each utterance begin among those of all."""
        starts: Rows = np.cumsum(self.counts) - self.counts
        return starts

    @property
    def n_bytes(self) -> int:
        """What the segments of all utterances take."""
        return int(self.counts.sum()) * self.dim * ITEM

    def segments(self, rows: Rows) -> NDArray[np.float32]:
        """(S, D) the segments of `rows`, one row after another, read from the source."""
        lengths, counts = self.lengths[rows], self.counts[rows]
        first_frame, first_segment = np.cumsum(lengths) - lengths, np.cumsum(counts) - counts
        sums = np.zeros((int(counts.sum()), self.dim), np.float32)
        done = 0
        for slab, owner in with_owners(self.source.frame_slabs(self.name, rows), lengths):
            place = np.arange(done, done + len(slab)) - first_frame[owner]
            _add(slab, first_segment[owner] + place * counts[owner] // lengths[owner], sums)
            done += len(slab)
        place, length = places_of(np.zeros_like(counts), counts), np.repeat(lengths, counts)
        count = np.repeat(counts, counts)
        # The first frame of stretch k of S among T frames is the one at k T / S, rounded up.
        n_frames = -place * length // count - -(place + 1) * length // count
        sums /= n_frames[:, np.newaxis]
        return sums

    def surveyed(self, held: NDArray[np.float32] | None) -> Moments:
        """The moments of each row; `held` (S, D), where given, is filled with all segments."""
        shape = (len(self.counts), self.dim)
        means, variances = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        total = np.zeros(self.dim)
        for rows in self._blocks():
            segments, counts = self.segments(rows), self.counts[rows]
            if held is not None:
                begin = self.starts[rows[0]]
                held[begin : begin + len(segments)] = segments
            owner, divisor = np.repeat(np.arange(len(rows)), counts), counts[:, np.newaxis]
            mean, squares = np.zeros((2, len(rows), self.dim))
            _add(segments.astype(np.float64), owner, mean)
            mean /= divisor
            means[rows] = mean
            segments -= means[rows][owner]
            np.square(segments, out=segments)
            _add(segments.astype(np.float64), owner, squares)
            variances[rows] = squares / divisor
            total += mean.sum(axis=0)
        return Moments(means, variances, total / max(1, int(np.count_nonzero(self.counts))))

    def _blocks(self) -> Iterator[Rows]:
        """All rows in order, so many together that their segments fit into BLOCK_BYTES.

        Rows that have none are left out.
        """
        size = max(1, BLOCK_BYTES // (self.dim * ITEM))
        some = np.flatnonzero(self.counts)
        ends = np.cumsum(self.counts[some])
        first = done = 0
        while first < len(some):
            last = max(first + 1, int(np.searchsorted(ends, done + size, side="right")))
            yield some[first:last]
            first, done = last, int(ends[last - 1])


def places_of(starts: Rows, counts: Rows) -> Rows:
    """The numbers start, start + 1, … of each range that begins at `starts` and has `counts`."""
    before = np.cumsum(counts) - counts
    places: Rows = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return places


def _add(values: NDArray[Any], place: Rows, sums: NDArray[Any]) -> None:
    """Add each of `values` (n, D) to the row of `sums` that its place (n,) tells."""
    torch.from_numpy(sums).index_add_(0, torch.from_numpy(place), torch.from_numpy(values))
