"""Frames of each modality, as padded sequences of segments.

An utterance of more than `most` frames is cut into that many equal stretches, each represented by
the mean of its frames; a shorter one keeps its frames. So a batch takes the same memory however
long its utterances are. Frames are read in slabs and summed as they come, which is linear in frames
and takes no more memory for longer utterances.

Letters: N utterances, G modalities, D features of all modalities or of one, M models, B rows of a
batch, T segments of the longest row of a batch, S segments of several rows one after another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.learning.inputs import Batch, Rows, visible
from memr_cli.learning.networks import Generators
from store.slabs import with_owners

HELD_BYTES = 2**30
"""Segments of all utterances are kept in memory up to this size; beyond it, read as needed."""

POOL = 16
"""Batches whose rows are sorted by length together, so that a batch needs little padding."""

CHUNK = 2**14
"""Segments predicted together, counting padding and all modalities."""

MOMENT_ROWS = 1024
"""Rows whose moments are summed together."""

BLOCK_BYTES = 2**24
"""Size of the segments that are read together when their moments are computed."""

ITEM = np.dtype(np.float32).itemsize


class Frames(Protocol):
    """A source of frames."""

    def sequence_lengths(self, name: str) -> Rows:
        """(N,) frames of a modality by utterance, 0 where missing."""
        ...

    def frame_slabs(self, name: str, rows: Rows) -> Iterator[NDArray[np.float32]]:
        """Yield the frames of `rows`, one row after another, in slabs cut anywhere."""
        ...


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and population variance of each row's segments (N, D); shift (D,): near all means."""

    means: NDArray[np.float32]
    variances: NDArray[np.float32]
    shift: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Modality:
    """The frames of one modality. lengths: (N,). most: maximum of segments per utterance."""

    source: Frames
    name: str
    dim: int
    most: int
    lengths: Rows

    @cached_property
    def counts(self) -> Rows:
        """(N,) segments by utterance, 0 where missing."""
        return np.minimum(self.lengths, self.most)

    @cached_property
    def starts(self) -> Rows:
        """(N,) offset of each utterance's segments among those of all."""
        starts: Rows = np.cumsum(self.counts) - self.counts
        return starts

    @property
    def n_bytes(self) -> int:
        """Size of the segments of all utterances."""
        return int(self.counts.sum()) * self.dim * ITEM

    def segments(self, rows: Rows) -> NDArray[np.float32]:
        """Read the segments (S, D) of `rows`, one row after another."""
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
        """Return the moments of each row; `held` (S, D), where given, gets all segments."""
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
        """Yield the rows that have segments, in order, as many at once as fit BLOCK_BYTES."""
        size = max(1, BLOCK_BYTES // (self.dim * ITEM))
        some = np.flatnonzero(self.counts)
        ends = np.cumsum(self.counts[some])
        first = done = 0
        while first < len(some):
            last = max(first + 1, int(np.searchsorted(ends, done + size, side="right")))
            yield some[first:last]
            first, done = last, int(ends[last - 1])


def places_of(starts: Rows, counts: Rows) -> Rows:
    """Concatenate the ranges start, start + 1, … of `counts` numbers each."""
    before = np.cumsum(counts) - counts
    places: Rows = np.arange(int(counts.sum())) + np.repeat(starts - before, counts)
    return places


def _add(values: NDArray[Any], place: Rows, sums: NDArray[Any]) -> None:
    """Add each of `values` (n, D) to row `place` (n,) of `sums`."""
    torch.from_numpy(sums).index_add_(0, torch.from_numpy(place), torch.from_numpy(values))


class Sequences(NamedTuple):
    """B rows as a module takes them, padded with 0.

    frames: (B, T, D) of each modality, standardised. masks: (B, T) of each, true for a segment and
    false for padding; T is at least 1. present: (B, G).
    """

    frames: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    present: Tensor


@dataclass(frozen=True, eq=False)
class SequenceInputs:
    """Inputs of networks that read the frames of some modalities.

    dims: D of each modality, in the order that modules get them. labels: (N,) class index, -1
    unlabelled. most: maximum of segments per utterance and modality. held_bytes: maximum of
    memory for segments in training; predicting reads each row once and keeps nothing.
    """

    source: Frames
    dims: Mapping[str, int]
    labels: NDArray[np.integer]
    n_classes: int
    most: int
    held_bytes: int = HELD_BYTES
    _lock: Any = field(default_factory=Lock)
    _surveyed: dict[str, Moments] = field(default_factory=dict)
    _held: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def n_features(self) -> int:
        """D of all modalities together."""
        return sum(self.dims.values())

    @cached_property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities in their order. Raises KeyError where the source lacks frames of one."""
        return tuple(
            Modality(self.source, name, dim, self.most, self.source.sequence_lengths(name))
            for name, dim in self.dims.items()
        )

    @cached_property
    def longest(self) -> Rows:
        """(N,) segments of each row's longest modality, at least 1."""
        counts = np.stack([modality.counts for modality in self.modalities])
        longest: Rows = np.maximum(counts.max(axis=0), 1)
        return longest

    def scaler(self, rows: Rows) -> Scaler:
        """Fit a scaler on the segments of rows, from each row's moments: no frame is read twice.

        The variance of a union is the mean of variances plus that of squared distances of means.
        """
        means, deviations = [], []
        for modality, moments in zip(self.modalities, self._moments(), strict=True):
            n = float(modality.counts[rows].sum()) or np.nan
            total, squares = np.zeros(modality.dim), np.zeros(modality.dim)
            for start in range(0, len(rows), MOMENT_ROWS):
                some = rows[start : start + MOMENT_ROWS]
                apart = moments.means[some] - moments.shift
                total += modality.counts[some] @ apart
                squares += modality.counts[some] @ (np.square(apart) + moments.variances[some])
            means.append(moments.shift + total / n)
            deviations.append(np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0.0)))
        mean, deviation = np.concatenate(means), np.concatenate(deviations)
        # Two rows of this mean and spread, so that one rule covers constant and missing features.
        pair: Any = np.stack([mean - deviation, mean + deviation])
        return Scaler.fitted(pair, np.arange(2))

    def _moments(self) -> list[Moments]:
        """The moments of each modality; the first thread that asks reads all frames, once."""
        with self._lock:
            if len(self._surveyed) < len(self.dims):
                fits = sum(modality.n_bytes for modality in self.modalities) <= self.held_bytes
                for modality in self.modalities:
                    shape = (int(modality.counts.sum()), modality.dim)
                    held = np.empty(shape, np.float32) if fits else None
                    self._surveyed[modality.name] = modality.surveyed(held)
                    if held is not None:
                        self._held[modality.name] = held
        return [self._surveyed[name] for name in self.dims]

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """Return batches in random order, each of rows of similar length."""
        order = generator.permutation(rows)
        batches: list[Rows] = []
        for start in range(0, len(order), POOL * batch_size):
            pool = order[start : start + POOL * batch_size]
            pool = pool[np.argsort(self.longest[pool], kind="stable")]
            batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
        shuffled = (batches[i] for i in generator.permutation(len(batches)))
        return [Batch(some, np.full(len(some), 1 / len(some), np.float32)) for some in shuffled]

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Group rows of similar length, longest first, up to CHUNK segments with padding."""
        lengths = self.longest[rows]
        places = np.argsort(-lengths, kind="stable")
        chunks, start = [], 0
        while start < len(places):
            padded = int(lengths[places[start]]) * len(self.dims)
            stop = start + max(1, CHUNK // padded)
            chunks.append(places[start:stop])
            start = stop
        return chunks

    def feed(self, device: str) -> "SequenceFeed":
        """Return a feed that puts each batch on a device."""
        return SequenceFeed(self, device)

    def values(self, modality: Modality, rows: Rows) -> NDArray[np.float32]:
        """Return a copy of the segments (S, D) of `rows`, one row after another."""
        held, counts = self._held.get(modality.name), modality.counts[rows]
        if held is not None:
            return held[places_of(modality.starts[rows], counts)]
        # Read in the order of the store, so that neighbours are read together, then reorder.
        ascending = np.argsort(rows, kind="stable")
        segments = modality.segments(rows[ascending])
        starts = np.empty_like(counts)
        starts[ascending] = np.cumsum(counts[ascending]) - counts[ascending]
        return segments[places_of(starts, counts)]


@dataclass(frozen=True, eq=False)
class SequenceFeed:
    """Padded sequences on a device."""

    inputs: SequenceInputs
    device: str

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> list[Sequences]:
        """Return the sequences of each model's rows (M, B), standardised."""
        return [
            self._sequences(some, mean[model, 0], inverse[model, 0])
            for model, some in enumerate(rows.cpu().numpy())
        ]

    def _sequences(self, rows: Rows, mean: Tensor, inverse: Tensor) -> Sequences:
        frames, masks, first = [], [], 0
        for modality in self.inputs.modalities:
            columns = slice(first, first + modality.dim)
            first += modality.dim
            counts = modality.counts[rows]
            n_steps = max(1, int(counts.max(initial=0)))
            places = places_of(np.arange(len(rows)) * n_steps, counts)
            values = torch.from_numpy(self.inputs.values(modality, rows)).to(self.device)
            values.sub_(mean[columns]).mul_(inverse[columns])
            padded = torch.zeros(len(rows) * n_steps, modality.dim, device=self.device)
            padded.index_copy_(0, torch.from_numpy(places).to(self.device), values)  # (B * T, D)
            frames.append(padded.view(len(rows), n_steps, modality.dim))
            mask = np.arange(n_steps) < counts[:, np.newaxis]
            masks.append(torch.from_numpy(mask).to(self.device))
        present = torch.stack([mask[:, 0] for mask in masks], dim=1)
        return Sequences(tuple(frames), tuple(masks), present)

    def hide(self, given: Sequence[Sequences], probability: float, generators: Generators) -> None:
        """Hide modalities of each row in place."""
        for sequences, generator in zip(given, generators, strict=True):
            stays = visible(sequences.present.unsqueeze(0), probability, [generator])[0]  # (B, G)
            sequences.present.logical_and_(stays)
            for place, (frames, mask) in enumerate(
                zip(sequences.frames, sequences.masks, strict=True)
            ):
                mask.logical_and_(stays[:, place, None])
                frames.masked_fill_(~mask.unsqueeze(2), 0.0)
