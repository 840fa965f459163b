"""Sequences of frames: what models that keep time learn from.

Utterances of more than so many frames are cut into segments (see `segments`), so that a batch
takes the same memory however long they are.

Letters: N utterances, G modalities, D features of all modalities or of one, M models, B rows of a
batch, T segments of the longest row of a batch, S segments of several rows one after another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.learning.architecture import Generators
from memr_cli.learning.hiding import staying
from memr_cli.learning.inputs import Batch, Rows
from memr_cli.learning.segments import Frames, Modality, Moments, places_of

HELD_BYTES = 2**30
"""Segments of all utterances that take no more are kept in memory; others are read as needed."""

POOL = 16
"""Batches whose rows are sorted by length together: rows of a batch are alike, epochs are not."""

CHUNK = 2**14
"""Segments, padding and all modalities counted, that are predicted together."""

MOMENT_ROWS = 1024
"""Rows whose moments are added up together."""


class Sequences(NamedTuple):
    """B rows as a module takes them; what is no segment is 0.

    frames: (B, T, D) for each modality, standardised. masks: (B, T) for each, true where there is a
    segment; T is at least 1. present: (B, G).
    """

    frames: tuple[Tensor, ...]
    masks: tuple[Tensor, ...]
    present: Tensor


@dataclass(frozen=True, eq=False)
class SequenceInputs:
    """The frames of some modalities, of which models learn sequence by sequence.

    dims: D of each modality, in the order that modules get them. labels: (N,) class index, -1
    unlabelled. most: segments of an utterance and modality, at most. held_bytes: what may be kept
    in memory of them while training; predicting reads each row once and keeps nothing.
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
        """The modalities in their order. Raises KeyError where the frames of one are not there."""
        return tuple(
            Modality(self.source, name, dim, self.most, self.source.sequence_lengths(name))
            for name, dim in self.dims.items()
        )

    @cached_property
    def longest(self) -> Rows:
        """(N,) segments of the longest modality of each row, and at least 1."""
        counts = np.stack([modality.counts for modality in self.modalities])
        longest: Rows = np.maximum(counts.max(axis=0), 1)
        return longest

    def scaler(self, rows: Rows) -> Scaler:
        """Means and spreads over the segments of rows, from the rows' own: no frame is read twice.

        The variance of a union is the mean of variances and of squared distances between means.
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
        # Two rows with this mean and spread, so that what is constant or missing has one rule.
        pair: Any = np.stack([mean - deviation, mean + deviation])
        return Scaler.fitted(pair, np.arange(2))

    def _moments(self) -> list[Moments]:
        """Of each modality; all frames are read once, by the first thread that asks."""
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
        """All rows in random order, those of a batch of similar length: less is padding."""
        order = generator.permutation(rows)
        batches: list[Rows] = []
        for start in range(0, len(order), POOL * batch_size):
            pool = order[start : start + POOL * batch_size]
            pool = pool[np.argsort(self.longest[pool], kind="stable")]
            batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
        shuffled = (batches[i] for i in generator.permutation(len(batches)))
        return [Batch(some, np.full(len(some), 1 / len(some), np.float32)) for some in shuffled]

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """The longest rows first, so many together as CHUNK segments hold with their padding."""
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
        """Sequences, batch by batch, on a device."""
        return SequenceFeed(self, device)

    def values(self, modality: Modality, rows: Rows) -> NDArray[np.float32]:
        """(S, D) the segments of `rows`, one row after another: an array of their own."""
        held, counts = self._held.get(modality.name), modality.counts[rows]
        if held is not None:
            return held[places_of(modality.starts[rows], counts)]
        # In the order of the store, so that neighbours are read together, then as asked for.
        ascending = np.argsort(rows, kind="stable")
        segments = modality.segments(rows[ascending])
        starts = np.empty_like(counts)
        starts[ascending] = np.cumsum(counts[ascending]) - counts[ascending]
        return segments[places_of(starts, counts)]


@dataclass(frozen=True, eq=False)
class SequenceFeed:
    """Rows become padded sequences on the device."""

    inputs: SequenceInputs
    device: str

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> list[Sequences]:
        """What each of M models takes for its rows (M, B), standardised.

        mean, inverse of the scale: (M, 1, D).
        """
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
            padded.index_copy_(0, torch.from_numpy(places).to(self.device), values)
            frames.append(padded.view(len(rows), n_steps, modality.dim))
            mask = np.arange(n_steps) < counts[:, np.newaxis]
            masks.append(torch.from_numpy(mask).to(self.device))
        present = torch.stack([mask[:, 0] for mask in masks], dim=1)
        return Sequences(tuple(frames), tuple(masks), present)

    def hide(self, given: Sequence[Sequences], probability: float, generators: Generators) -> None:
        """Hide modalities of each row in place; of those present, one always stays."""
        for sequences, generator in zip(given, generators, strict=True):
            stays = staying(sequences.present.unsqueeze(0), probability, [generator])[0]  # (B, G)
            sequences.present.logical_and_(stays)
            for place, (frames, mask) in enumerate(
                zip(sequences.frames, sequences.masks, strict=True)
            ):
                mask.logical_and_(stays[:, place, None])
                frames.masked_fill_(~mask.unsqueeze(2), 0.0)
