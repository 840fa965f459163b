"""Reading a store.

N utterances, n rows of a slab, D dims.
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
from store.integrity import ContentHash, RowCheck, Seals
from store.memory import require_memory
from store.rules import (
    Violation,
    column_violations,
    frame_count_violations,
    offset_violations,
    present_violations,
    text_violations,
)
from store.schema import FIELDS, NAME_LISTS, TEXT, Scalar
from store.slabs import range_slabs, read_range, read_slabs
from store.structure import Structure, examine, open_file
from store.utterances import Utterances


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
        texts: dict[str, tuple[str, ...]] = {}
        numbers: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            if field.kind == TEXT:
                texts[field.path] = self._texts(field.path)
            else:
                numbers[field.path] = self._read(field.path)
        self._refuse(list(column_violations(texts, numbers)))
        columns: dict[str, Any] = {f"{name}s": texts[f"names/{name}"] for name in NAME_LISTS}
        for path, values in numbers.items():
            if path.startswith("utterances/"):
                columns[path.removeprefix("utterances/")] = values
        return Utterances(ids=texts["utterances/id"], **columns)

    @property
    def has_sessions(self) -> bool:
        """True where utterances belong to sessions; known before the columns are read."""
        return len(self._datasets["names/session"]) > 0

    @cached_property
    def modalities(self) -> dict[str, Modality]:
        """The size of each modality, by name in alphabetical order."""
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

    def pooled(self, name: str) -> NDArray[np.float32]:
        """(N, D) float32: pooled features. Missing rows are NaN throughout."""
        out = np.empty((self.n, self._dims[self._modality(name).removeprefix("features/")]), "f4")
        self.pooled_into(name, out)
        return out

    def pooled_into(self, name: str, out: NDArray[np.float32]) -> None:
        """Read pooled features into `out`, (N, D) float32.

        `out` may be a view with strides, such as the columns of one modality in a wider array; no
        second copy of the whole is made. Raises ValueError where its shape or type does not fit.
        """
        path = f"{self._modality(name)}/pooled"
        dataset = self._datasets[path]
        shape = (self.n, dataset.shape[1])
        if out.shape != shape or out.dtype != np.float32 or not out.flags.writeable:
            raise ValueError(f"out is {out.dtype} {out.shape}; expected writeable float32 {shape}")
        if self._seals.confirmed(path):
            with damage_named(self.path):
                read_range(dataset, 0, out)
        else:
            self._verify_rows(path, RowCheck(self.present(name)), out)

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

    def frame_slabs(
        self, name: str, rows: NDArray[np.int64] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the frames of the rows asked for, all N without `rows`, one row after another.

        They come in slabs (n, D) float32 of a few MiB, each an array of its own: a row may begin in
        one and end in the next; `sequence_lengths` tells where. Rows may come in any order and more
        than once; neighbours are read together. Raises KeyError as `sequence_lengths` does,
        IndexError where a row number is negative or beyond the last; both at the first slab.
        """
        numbers = np.arange(self.n) if rows is None else rows
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= self.n):
            found = f"rows {numbers.min()} to {numbers.max()}"
            raise IndexError(f"{found} of a store of {self.n} utterances")
        lengths = self.sequence_lengths(name)[numbers]
        if self._has_sequences(name):
            path, starts = f"features/{name}/sequence/frames", self._frame_offsets(name)[numbers]
            rules = RowCheck(None)
        else:
            path, starts, rules = f"features/{name}/pooled", numbers, RowCheck(self.present(name))
        if not self._seals.confirmed(path):
            self._verify_rows(path, rules)
        with damage_named(self.path):
            yield from range_slabs(self._datasets[path], starts, starts + lengths)

    def _frame_offsets(self, name: str) -> NDArray[np.int64]:
        """(N+1,) where the frames of each utterance begin; read once."""
        if name not in self._offsets:
            path, counts = f"features/{name}/sequence/offsets", self.frame_counts(name)
            n_frames = len(self._datasets[f"features/{name}/sequence/frames"])
            self._offsets[name] = self._read(
                path, lambda offsets: offset_violations(path, offsets, counts, n_frames)
            )
        return self._offsets[name]

    def _texts(self, path: str) -> tuple[str, ...]:
        stored = self._read(path, lambda values: text_violations(path, values.tolist())).tolist()
        return tuple(text.decode("utf-8") for text in stored)

    def _read(
        self, path: str, rules: Callable[[NDArray[Any]], list[Violation]] | None = None
    ) -> NDArray[Any]:
        """Read a small dataset, verify its checksum and test it against its rules."""
        with damage_named(self.path):
            values: NDArray[Any] = self._datasets[path][()]
        broken = []
        if not self._seals.confirmed(path):
            content = ContentHash()
            content.add(values)
            broken = self._seals.confirm(path, content)
        self._refuse(broken or (rules(values) if rules else []))
        return values

    def _verify_rows(
        self, path: str, rules: RowCheck, out: NDArray[np.float32] | None = None
    ) -> None:
        """Verify all of a dataset of features, slab by slab, and keep it in `out` (N, D)."""
        with damage_named(self.path):
            for start, slab in read_slabs(self._datasets[path]):
                rules.add(slab)
                if out is not None:
                    out[start : start + len(slab)] = slab
        self._refuse(rules.violations(path) or self._seals.confirm(path, rules.content))

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


def _listed(violations: list[Violation]) -> str:
    more = f" (and {len(violations) - 1} more; `memr check` lists all)" * (len(violations) > 1)
    return f"{violations[0]}{more}"
