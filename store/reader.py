"""Reading a store.

N utterances, n rows asked for, D dims, T frames of one utterance.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from store.errors import StoreDamagedError, damage_named, damaged
from store.integrity import RowCheck, Seals
from store.memory import require_memory
from store.rules import (
    Violation,
    column_violations,
    frame_count_violations,
    offset_violations,
    present_violations,
    text_violations,
)
from store.schema import FIELDS, TEXT, Scalar
from store.slabs import range_slabs, read_range, read_scattered, read_slabs
from store.structure import Structure, examine, open_file
from store.utterances import Utterances

Rows = NDArray[np.int64] | slice | None


@dataclass(frozen=True)
class Modality:
    """The size of one modality in a store."""

    name: str
    dim: int
    present: int
    missing: int
    has_sequences: bool


class Store:
    """A store open for reading; a context manager that closes the file.

    Readers take no lock and never wait for each other. A dataset is compared with its checksum
    before any of it is returned for the first time. Where it differs, HDF5 cannot read it, or it
    breaks a rule of FORMAT.md, StoreDamagedError is raised. A modality, speaker or class that the
    store does not have raises KeyError; a lack of memory and other errors of the system OSError.
    """

    def __init__(self, path: Path, file: h5py.File, structure: Structure) -> None:
        self.path = path
        self._file = file
        self._datasets = structure.datasets
        self._dims = structure.dims
        self._seals = Seals(structure.entries)
        self._offsets: dict[str, NDArray[np.int64]] = {}
        self.fingerprint: str = structure.fingerprint or ""
        self.class_names: tuple[str, ...] = self._texts("names/class")
        self.synthetic: bool = bool(structure.synthetic)
        self.provenance: dict[str, Scalar] = structure.provenance
        self.n: int = structure.n or 0
        self._refuse(list(column_violations({"names/class": self.class_names}, {})))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the store at `path` and verify all but the content of its larger datasets.

        Raises StoreMissingError where there is no file, NotAStoreError where it is something else,
        StoreTooNewError or StoreTooOldError where the version is not one of ours,
        StoreDamagedError where it cannot be opened or the structure is not as FORMAT.md says, and
        OSError where the system refuses (permission, an input/output error).
        """
        file = open_file(path)
        try:
            with damage_named(path):
                structure = examine(file)
                broken = structure.violations or structure.chain_violations()
            if broken:
                raise StoreDamagedError(damaged(path, _listed(broken)))
            require_memory(structure.memory_for_columns(), path)
            return cls(path, file, structure)
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
        return len(self._datasets["names/session"]) > 0

    @cached_property
    def modalities(self) -> dict[str, Modality]:
        """What there is of each modality, by name in alphabetical order."""
        found = {}
        for name, dim in sorted(self._dims.items()):
            present = int(self.present(name).sum())
            found[name] = Modality(name, dim, present, self.n - present, self._has_sequences(name))
        return found

    def present(self, name: str) -> NDArray[np.bool_]:
        """(N,) bool: which utterances have this modality."""
        path = f"{self._modality(name)}/present"
        return self._read(path, lambda values: present_violations(path, values))

    def frame_counts(self, name: str) -> NDArray[np.int64]:
        """(N,) int64: how many frames were pooled, 0 where the modality is missing."""
        path, present = f"{self._modality(name)}/frames", self.present(name)
        return self._read(path, lambda counts: frame_count_violations(path, counts, present))

    def pooled(self, name: str, rows: Rows = None) -> NDArray[np.float32]:
        """(n, D) float32: pooled features of the rows asked for, all N without `rows`.

        Rows may come in any order and more than once. Missing rows are NaN throughout. Raises
        IndexError where a row number is negative or beyond the last.
        """
        dim = self._dims[self._modality(name).removeprefix("features/")]
        out = np.empty((len(self._numbered(rows)), dim), np.float32)
        self.pooled_into(name, out, rows)
        return out

    def pooled_into(self, name: str, out: NDArray[np.float32], rows: Rows = None) -> None:
        """Read pooled features into `out`, (N, D) float32 or (n, D) with `rows`.

        `out` may be a view with strides, such as the columns of one modality in a wider array; no
        second copy of the whole is made. Raises ValueError where its shape or type does not fit.
        """
        dataset = self._datasets[f"{self._modality(name)}/pooled"]
        numbers = self._numbered(rows)
        shape = (len(numbers), dataset.shape[1])
        if out.shape != shape or out.dtype != np.float32 or not out.flags.writeable:
            raise ValueError(f"out is {out.dtype} {out.shape}; expected writeable float32 {shape}")
        path = f"features/{name}/pooled"
        in_order = isinstance(numbers, range)
        if in_order and len(numbers) == self.n and not self._seals.confirmed(path):
            check = RowCheck(self.present(name))
            with damage_named(self.path):
                read_range(dataset, 0, out, check.add)
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
        dataset = self._datasets[f"features/{name}/sequence/frames"]
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
            dataset = self._datasets[f"features/{name}/{member}"]
            yield from range_slabs(dataset, starts, starts + lengths)

    def _frame_offsets(self, name: str) -> NDArray[np.int64]:
        """(N+1,) where the frames of each utterance begin; read once."""
        if name not in self._offsets:
            path, counts = f"features/{name}/sequence/offsets", self.frame_counts(name)
            n_frames = len(self._datasets[f"features/{name}/sequence/frames"])
            self._offsets[name] = self._read(
                path, lambda offsets: offset_violations(path, offsets, counts, n_frames)
            )
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
        """Texts and numbers by dataset path, tested against their rules."""
        texts: dict[str, tuple[str, ...]] = {}
        numbers: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            if field.kind == TEXT:
                texts[field.path] = self._texts(field.path)
            else:
                numbers[field.path] = self._read(field.path)
        self._refuse(list(column_violations(texts, numbers)))
        return texts, numbers

    def _texts(self, path: str) -> tuple[str, ...]:
        stored = self._read(path, lambda values: text_violations(path, values.tolist())).tolist()
        return tuple(text.decode("utf-8") for text in stored)

    def _read(
        self, path: str, rules: Callable[[NDArray[Any]], list[Violation]] | None = None
    ) -> NDArray[Any]:
        """Read a small dataset, verify its checksum and test it against its rules."""
        with damage_named(self.path):
            values: NDArray[Any] = self._datasets[path][()]
            broken = self._seals.confirm_values(path, values)
        self._refuse(broken or (rules(values) if rules else []))
        return values

    def _confirm_features(self, name: str, member: str) -> None:
        """Verify all of `pooled` or `sequence/frames`, unless that was done before."""
        path = f"features/{name}/{member}"
        if self._seals.confirmed(path):
            return
        check = RowCheck(self.present(name) if member == "pooled" else None)
        with damage_named(self.path):
            for _, slab in read_slabs(self._datasets[path]):
                check.add(slab)
        self._refuse(self._seals.confirm_rows(path, check))

    def _refuse(self, broken: list[Violation]) -> None:
        if broken:
            raise StoreDamagedError(damaged(self.path, _listed(broken)))

    def _modality(self, name: str) -> str:
        if name not in self._dims:
            held = ", ".join(self._dims)
            raise KeyError(f"no modality {name} in {self.path}; it holds {held}")
        return f"features/{name}"

    def _has_sequences(self, name: str) -> bool:
        return f"{self._modality(name)}/sequence/frames" in self._datasets

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


def _listed(violations: list[Violation]) -> str:
    more = f" (and {len(violations) - 1} more; `memr check` lists all)" * (len(violations) > 1)
    return f"{violations[0]}{more}"
