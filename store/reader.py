"""Reading a store.

N utterances, n rows asked for, D dims, T frames of one utterance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from store.errors import StoreDamagedError
from store.layout import Layout, examine
from store.opening import damage_named, damaged, open_file
from store.room import require_room
from store.rules import column_violations, first_text_problem
from store.schema import FIELDS, TEXT, Scalar
from store.sealing import RowCheck, Seals, chain_violations
from store.slabs import range_slabs, read_range, read_scattered, read_slabs
from store.utterances import Utterances
from store.violations import Violation

Rows = NDArray[np.int64] | slice | None


@dataclass(frozen=True)
class Modality:
    """What a store holds of one modality."""

    name: str
    dim: int
    present: int
    missing: int
    has_sequences: bool


class Store:
    """A store open for reading; a context manager that closes the file.

    Readers take no lock and never wait for each other. A dataset is compared with its checksum
    before anything of it is handed out for the first time. Where it differs, HDF5 cannot read it,
    or it breaks a rule of FORMAT.md, StoreDamagedError is raised. A modality, speaker or class that
    the store does not have raises KeyError, memory that does not suffice OSError.
    """

    def __init__(self, path: Path, file: h5py.File, layout: Layout) -> None:
        self.path = path
        self._file = file
        self._layout = layout
        self._seals = Seals(layout)
        self._offsets: dict[str, NDArray[np.int64]] = {}
        self.fingerprint: str = layout.fingerprint or ""
        self.class_names: tuple[str, ...] = layout.class_names or ()
        self.synthetic: bool = bool(layout.synthetic)
        self.provenance: dict[str, Scalar] = layout.provenance
        self.n: int = layout.n or 0

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the store at `path`, verifying all but the content of its datasets.

        Raises StoreMissingError where there is no file, NotAStoreError where it is something else,
        StoreTooNewError or StoreTooOldError where the version is not one of ours,
        StoreDamagedError where it cannot be opened or the structure is not as FORMAT.md says, and
        OSError where the system refuses (permission, an input/output error).
        """
        file = open_file(path)
        try:
            with damage_named(path):
                layout = examine(file)
                broken = layout.violations or chain_violations(layout)
            if broken:
                raise StoreDamagedError(damaged(path, _listed(broken)))
            require_room(layout.room_for_columns(), path)
            return cls(path, file, layout)
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; arrays already read stay."""
        self._file.close()

    @cached_property
    def utterances(self) -> Utterances:
        """The columns of the N utterances, read once."""
        texts, numbers = self._columns
        return Utterances(
            ids=texts["utterances/id"],
            speakers=texts["names/speaker"],
            sessions=texts["names/session"],
            dialogues=texts["names/dialogue"],
            splits=texts["names/split"],
            speaker=numbers["utterances/speaker"],
            session=numbers["utterances/session"],
            dialogue=numbers["utterances/dialogue"],
            split=numbers["utterances/split"],
            turn=numbers["utterances/turn"],
            label=numbers["utterances/label"],
            source_row=numbers["utterances/source_row"],
        )

    @property
    def has_sessions(self) -> bool:
        """Whether utterances belong to sessions; known before the columns are read."""
        return len(self._layout.datasets["names/session"]) > 0

    @cached_property
    def modalities(self) -> dict[str, Modality]:
        """What there is of each modality, by name in alphabetical order."""
        found = {}
        for name, dim in sorted(self._layout.dims.items()):
            present = int(self.present(name).sum())
            found[name] = Modality(name, dim, present, self.n - present, self._has_sequences(name))
        return found

    def present(self, name: str) -> NDArray[np.bool_]:
        """(N,) bool: which utterances have this modality."""
        stored = self._read(f"{self._modality(name)}/present").view(np.uint8)
        if (stored > 1).any():
            raise self._damage(f"features/{name}/present holds values other than true and false")
        return stored.view(np.bool_)

    def frame_counts(self, name: str) -> NDArray[np.int64]:
        """(N,) int64: how many frames were pooled, 0 where the modality is missing."""
        counts, present = self._read(f"{self._modality(name)}/frames"), self.present(name)
        if np.where(present, counts < 1, counts != 0).any():
            raise self._damage(f"features/{name}/frames are not 0 just where it is missing")
        return counts

    def pooled(self, name: str, rows: Rows = None) -> NDArray[np.float32]:
        """(n, D) float32: pooled features of the rows asked for, all N without `rows`.

        Rows may come in any order and more than once. Missing rows are NaN throughout. Raises
        IndexError where a row number is negative or beyond the last.
        """
        dim = self._layout.dims[self._modality(name).removeprefix("features/")]
        out = np.empty((len(self._numbered(rows)), dim), np.float32)
        self.pooled_into(name, out, rows)
        return out

    def pooled_into(self, name: str, out: NDArray[np.float32], rows: Rows = None) -> None:
        """Read pooled features into `out`, (N, D) float32 or (n, D) with `rows`.

        `out` may be a view with strides, such as the columns of one modality in a wider array; no
        second copy of the whole is made. Raises ValueError where its shape or type does not fit.
        """
        dataset = self._layout.datasets[f"{self._modality(name)}/pooled"]
        numbers = self._numbered(rows)
        shape = (len(numbers), dataset.shape[1])
        if out.shape != shape or out.dtype != np.float32 or not out.flags.writeable:
            raise ValueError(f"out is {out.dtype} {out.shape}; expected writeable float32 {shape}")
        path = f"features/{name}/pooled"
        in_order = isinstance(numbers, range)
        if in_order and len(numbers) == self.n and not self._seals.confirmed(path):
            check = RowCheck(self.present(name))
            with damage_named(self.path):
                read_range(dataset, 0, out, check.show)
            self._refuse(self._seals.confirm_rows(path, check))
            return
        self._confirm_features(name, "pooled")
        with damage_named(self.path):
            if isinstance(numbers, range):
                read_range(dataset, numbers.start, out)
            else:
                read_scattered(dataset, numbers, out)

    def sequence(self, name: str, row: int) -> NDArray[np.float32]:
        """(T, D) float32: all frames of one utterance; T is 0 where the modality is missing.

        Raises KeyError where the store holds no sequences of this modality, IndexError where there
        is no such row.
        """
        if not self._has_sequences(name):
            raise KeyError(f"no sequences of modality {name} in {self.path}")
        if not 0 <= row < self.n:
            raise IndexError(f"row {row} of a store of {self.n} utterances")
        dataset = self._layout.datasets[f"features/{name}/sequence/frames"]
        start, stop = self._frame_offsets(name)[row : row + 2]
        self._confirm_features(name, "sequence/frames")
        out = np.empty((stop - start, dataset.shape[1]), np.float32)
        with damage_named(self.path):
            read_range(dataset, int(start), out)
        return out

    def sequence_lengths(self, name: str) -> NDArray[np.int64]:
        """(N,) int64: how many frames `frame_slabs` has of each utterance, 0 where missing.

        Without sequences, the one frame of an utterance is what was pooled. Raises KeyError where
        several frames were pooled and the store does not hold them.
        """
        if self._has_sequences(name):
            return np.diff(self._frame_offsets(name))
        counts = self.frame_counts(name)
        if counts.max(initial=0) > 1:
            raise KeyError(f"no sequences of modality {name} in {self.path}")
        return counts

    def frame_slabs(self, name: str, rows: Rows = None) -> Iterator[NDArray[np.float32]]:
        """The frames of the rows asked for, all N without `rows`, one row after another.

        They come in slabs (n, D) float32 of a few MiB, each an array of its own: a row may begin in
        one and end in the next; `sequence_lengths` tells where. Rows may come in any order and more
        than once; neighbours are read together. Raises KeyError as `sequence_lengths` does,
        IndexError where a row number is negative or beyond the last; both when it is begun.
        """
        asked = self._numbered(rows)
        numbers = np.asarray(asked, np.int64)
        lengths = self.sequence_lengths(name)[numbers]
        if self._has_sequences(name):
            member, starts = "sequence/frames", self._frame_offsets(name)[numbers]
        else:
            member, starts = "pooled", numbers
        self._confirm_features(name, member)
        with damage_named(self.path):
            dataset = self._layout.datasets[f"features/{name}/{member}"]
            yield from range_slabs(dataset, starts, starts + lengths)

    def _frame_offsets(self, name: str) -> NDArray[np.int64]:
        """(N+1,) where the frames of each utterance begin; found to follow the rules, once."""
        if name not in self._offsets:
            n_frames = len(self._layout.datasets[f"features/{name}/sequence/frames"])
            offsets = self._read(f"features/{name}/sequence/offsets")
            ends = (int(offsets[0]), int(offsets[-1]))
            if ends != (0, n_frames) or (np.diff(offsets) != self.frame_counts(name)).any():
                where = f"features/{name}/sequence/offsets"
                raise self._damage(f"{where} do not ascend from 0 to F by the frames of each row")
            self._offsets[name] = offsets
        return self._offsets[name]

    def rows_of_speaker(self, name: str) -> slice:
        """The rows of one speaker, which lie together."""
        texts, numbers = self._columns
        if name not in texts["names/speaker"]:
            raise KeyError(f"no speaker {name} in {self.path}")
        start, stop = numbers["index/speaker"][texts["names/speaker"].index(name)]
        return slice(int(start), int(stop))

    def rows_of_label(self, name: str | None) -> NDArray[np.int64]:
        """(n,) int64 ascending: the rows of one class, or of no label for None."""
        if name is not None and name not in self.class_names:
            raise KeyError(f"no class {name} in {self.path}")
        code = -1 if name is None else self.class_names.index(name)
        index = self._columns[1]["index/label"]
        runs = [np.arange(start, stop) for _, start, stop in index[index[:, 0] == code]]
        return np.concatenate([np.empty(0, np.int64), *runs])

    @cached_property
    def _columns(self) -> tuple[dict[str, tuple[str, ...]], dict[str, NDArray[Any]]]:
        """Texts and numbers by dataset path, found to follow the rules."""
        texts: dict[str, tuple[str, ...]] = {}
        numbers: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            values = self._read(field.path)
            if field.kind != TEXT:
                numbers[field.path] = values
                continue
            stored: list[bytes] = values.tolist()
            problem = first_text_problem(stored)
            if problem is not None:
                raise self._damage(f"{field.path} holds {problem}")
            texts[field.path] = tuple(text.decode("utf-8") for text in stored)
        broken = list(column_violations(self.class_names, texts, numbers))
        if broken:
            raise self._damage(_listed(broken))
        return texts, numbers

    def _read(self, path: str) -> NDArray[Any]:
        with damage_named(self.path):
            values: NDArray[Any] = self._layout.datasets[path][()]
            broken = self._seals.confirm_values(path, values)
        self._refuse(broken)
        return values

    def _confirm_features(self, name: str, member: str) -> None:
        """Look at all of `pooled` or `sequence/frames`, unless that was done before."""
        path = f"features/{name}/{member}"
        if self._seals.confirmed(path):
            return
        check = RowCheck(self.present(name) if member == "pooled" else None)
        with damage_named(self.path):
            for _, slab in read_slabs(self._layout.datasets[path]):
                check.show(slab)
        self._refuse(self._seals.confirm_rows(path, check))

    def _refuse(self, broken: list[Violation]) -> None:
        if broken:
            raise self._damage(_listed(broken))

    def _modality(self, name: str) -> str:
        if name not in self._layout.dims:
            held = ", ".join(self._layout.dims)
            raise KeyError(f"no modality {name} in {self.path}; it holds {held}")
        return f"features/{name}"

    def _has_sequences(self, name: str) -> bool:
        return f"{self._modality(name)}/sequence/frames" in self._layout.datasets

    def _damage(self, why: str) -> StoreDamagedError:
        return StoreDamagedError(damaged(self.path, why))

    def _numbered(self, rows: Rows) -> range | NDArray[np.int64]:
        """Row numbers: a range of neighbours or an array, all of them within the store."""
        if rows is None:
            return range(self.n)
        if isinstance(rows, slice):
            numbers = range(*rows.indices(self.n))
            return numbers if numbers.step == 1 else np.array(numbers, np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise ValueError(f"rows are {rows.dtype} {rows.shape}; expected row numbers (n,)")
        if len(rows) and (rows.min() < 0 or rows.max() >= self.n):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a store of {self.n} utterances")
        return rows


def _listed(violations: list[Any]) -> str:
    more = f" (and {len(violations) - 1} more; `memr check` lists all)" * (len(violations) > 1)
    return f"{violations[0]}{more}"
