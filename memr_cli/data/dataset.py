"""What a store offers to learning: columns, and one matrix of features that all methods share.

Letters: N utterances, n rows of an excerpt, D dims of the modalities asked for, F frames of a slab.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.iemocap import inside
from memr_cli.data.dialogues import Dialogues, turn_order
from memr_cli.data.scaling import Scaler, standardise_groups
from memr_cli.evaluation.columns import NONE, Columns
from memr_cli.files import memory
from memr_cli.vocabulary import Subset, is_modality_name, ordered_modalities
from store.reader import Store
from store.slabs import with_owners

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]
Features = NDArray[np.float32]


class Source(Protocol):
    """Where features come from: an open store, or rows of another dataset."""

    def present(self, name: str) -> Mask:
        """(N,) which utterances have a modality."""
        ...

    def pooled_into(self, name: str, out: Features) -> None:
        """Fill `out` (N, D) with a modality, NaN where missing."""
        ...

    def sequence_lengths(self, name: str) -> Rows:
        """(N,) how many frames of a modality each utterance has, 0 where missing."""
        ...

    def frame_slabs(self, name: str, rows: Rows) -> Iterator[Features]:
        """The frames of `rows`, one row after another, in slabs (F, D) cut anywhere."""
        ...


@dataclass(frozen=True, eq=False)
class Dataset:
    """N utterances with features of the modalities in `dims`, each read once, when first asked for.

    incomplete: the modalities that some labelled utterance lacks. order: (N,) numbers that ascend
    from turn to turn of a dialogue. by_speaker: those whose features are standardised with each
    speaker's own mean and spread over all utterances of the store, whether labelled, tested or
    neither.
    """

    source: Source
    ids: tuple[str, ...]
    class_names: tuple[str, ...]
    synthetic: bool
    dims: Mapping[str, int]
    columns: Columns
    incomplete: tuple[str, ...]
    order: Rows
    by_speaker: frozenset[str] = field(default=frozenset())

    @cached_property
    def present(self) -> Mapping[str, Mask]:
        """(N,) for each modality: which utterances have it."""
        return {name: self.source.present(name) for name in self.dims}

    @cached_property
    def dialogues(self) -> Dialogues:
        """Which utterances follow each other; each has what is there of its dialogue."""
        return Dialogues.arranged(self.columns.dialogue, self.order)

    @cached_property
    def as_stored(self) -> "Dataset":
        """The same with features as they are in the store; read again where they were changed."""
        return replace(self, by_speaker=frozenset()) if self.by_speaker else self

    def features(self, modalities: Sequence[str], presence: Collection[str] = ()) -> Features:
        """(N, D) the modalities side by side, NaN where missing.

        For each modality of `presence`, a last column of 1 and 0 says where it is present, those of
        incomplete ones first. All modalities with the columns of those that are incomplete, and
        each single modality, are views of one matrix; other choices are copies.
        """
        wanted: list[int] = []
        for name in modalities:
            start = self._starts[name]
            wanted += range(start, start + self.dims[name])
        wanted += [start for name, start in self._presence_starts.items() if name in presence]
        first, last = wanted[0], wanted[-1]
        if wanted == list(range(first, last + 1)):
            return self._matrix[:, first : last + 1]
        return self._matrix[:, wanted]

    def sequence_lengths(self, name: str) -> Rows:
        """(N,) how many frames of a modality each utterance has, 0 where missing.

        Raises KeyError where the store holds several frames of an utterance pooled only.
        """
        return self.source.sequence_lengths(name)

    def frame_slabs(self, name: str, rows: Rows) -> Iterator[Features]:
        """The frames of `rows`, one row after another, in slabs (F, D) of a few MiB.

        A row may begin in one slab and end in the next. Frames of a modality in `by_speaker` are
        shifted and scaled as the speaker's pooled features are, so that what was the mean of frames
        still is. Raises KeyError as `sequence_lengths` does.
        """
        slabs = self.source.frame_slabs(name, rows)
        if name not in self.by_speaker:
            yield from slabs
            return
        mean, scale = self._speaker_moments[name]
        speaker = self.columns.speaker[rows]
        for slab, owner in with_owners(slabs, self.sequence_lengths(name)[rows]):
            slab -= mean[speaker[owner]]
            slab /= scale[speaker[owner]]
            yield slab

    def excerpt(
        self,
        rows: Rows,
        lost: Mapping[str, Mask] | None = None,
        added: Mapping[str, Features] | None = None,
    ) -> "Dataset":
        """Copies of some rows (n,), in that order, as a dataset of its own.

        lost: (n,) by modality, which of them are to lack it. added: (n, D) by modality, what is
        added to its features.
        """
        columns = self.columns
        coded = {
            name: getattr(columns, name)[rows]
            for name in ("speaker", "session", "dialogue", "label", "split")
        }
        return Dataset(
            source=_Excerpt(self, rows, lost or {}, added or {}),
            ids=tuple(self.ids[row] for row in rows),
            class_names=self.class_names,
            synthetic=self.synthetic,
            dims=self.dims,
            columns=replace(columns, **coded),
            incomplete=self.incomplete,
            order=self.order[rows],
        )

    @cached_property
    def _speaker_moments(self) -> dict[str, tuple[Features, Features]]:
        """For each modality of `by_speaker`: means and scales (speakers, D) of pooled features."""
        moments, code = {}, self.columns.speaker
        for name in self.by_speaker:
            pooled = np.empty((len(self.ids), self.dims[name]), np.float32)
            self.source.pooled_into(name, pooled)
            scalers = [
                Scaler.fitted(pooled, np.flatnonzero(code == own)) for own in range(code.max() + 1)
            ]
            moments[name] = (
                np.stack([scaler.mean for scaler in scalers]),
                np.stack([scaler.scale for scaler in scalers]),
            )
        return moments

    @cached_property
    def _starts(self) -> dict[str, int]:
        """The first column of each modality."""
        starts, column = {}, 0
        for name, dim in self.dims.items():
            starts[name] = column
            column += dim
        return starts

    @cached_property
    def _presence_starts(self) -> dict[str, int]:
        """The column that says where a modality is present: first those of incomplete ones."""
        complete = [name for name in self.dims if name not in self.incomplete]
        width = sum(self.dims.values())
        return {name: width + i for i, name in enumerate((*self.incomplete, *complete))}

    @cached_property
    def _matrix(self) -> Features:
        shape = (len(self.ids), sum(self.dims.values()) + len(self.dims))
        memory.require(4 * shape[0] * shape[1], f"a matrix of {', '.join(self.dims)} features")
        matrix = np.empty(shape, np.float32)
        for name, dim in self.dims.items():
            start = self._starts[name]
            features = matrix[:, start : start + dim]
            self.source.pooled_into(name, features)
            if name in self.by_speaker:
                standardise_groups(features, self.columns.speaker)
            matrix[:, self._presence_starts[name]] = self.present[name]
        return matrix


@dataclass(frozen=True, eq=False)
class _Excerpt:
    """Rows of a dataset as the source of another."""

    whole: Dataset
    rows: Rows
    lost: Mapping[str, Mask]
    added: Mapping[str, Features]

    def present(self, name: str) -> Mask:
        present = self.whole.present[name][self.rows]
        return present & ~self.lost[name] if name in self.lost else present

    def pooled_into(self, name: str, out: Features) -> None:
        out[:] = self.whole.features([name])[self.rows]
        if name in self.added:
            out += self.added[name]
        if name in self.lost:
            out[self.lost[name]] = np.nan

    def sequence_lengths(self, name: str) -> Rows:
        lengths = self.whole.sequence_lengths(name)[self.rows]
        return np.where(self.lost[name], 0, lengths) if name in self.lost else lengths

    def frame_slabs(self, name: str, rows: Rows) -> Iterator[Features]:
        if name in self.lost:
            rows = rows[~self.lost[name][rows]]
        slabs = self.whole.frame_slabs(name, self.rows[rows])
        if name not in self.added:
            yield from slabs
            return
        for slab, owner in with_owners(slabs, self.sequence_lengths(name)[rows]):
            slab += self.added[name][rows[owner]]  # to each frame: their mean moves as much
            yield slab


def open_dataset(
    store: Store,
    modalities: Sequence[str],
    subset: Subset = Subset.ALL,
    by_speaker: Collection[str] = (),
) -> Dataset:
    """The utterances of an open store; those outside the subset count as unlabelled."""
    utterances, columns = store.utterances, columns_of(store)
    if subset is not Subset.ALL:
        label = np.where(inside(utterances.ids, subset), columns.label, NONE)
        columns = replace(columns, label=label)
    held = {name: store.modalities[name] for name in modalities}
    return Dataset(
        source=store,
        ids=utterances.ids,
        class_names=store.class_names,
        synthetic=store.synthetic,
        dims={name: modality.dim for name, modality in held.items()},
        columns=columns,
        incomplete=tuple(name for name in held if not store.present(name)[columns.labelled].all()),
        order=turn_order(utterances.dialogue, utterances.turn, utterances.source_row),
        by_speaker=frozenset(by_speaker) & held.keys(),
    )


def held_modalities(store: Store) -> tuple[str, ...]:
    """The modalities that the store holds, in the order they are named everywhere."""
    return ordered_modalities(filter(is_modality_name, store.modalities))


def columns_of(store: Store) -> Columns:
    """The columns that protocols work on."""
    rows = store.utterances
    return Columns(
        speaker=rows.speaker,
        speaker_names=rows.speakers,
        session=rows.session,
        session_names=rows.sessions,
        dialogue=rows.dialogue,
        label=rows.label,
        split=rows.split,
        split_names=rows.splits,
    )
