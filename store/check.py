"""Testing a store against every rule of FORMAT.md.

N utterances, D dims, F frames of all utterances. Memory grows with N, not with the features.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.errors import HDF5_ERRORS, damage_named, system_errors_named
from store.integrity import ContentHash, Entry, RowCheck, fingerprint
from store.memory import require_memory
from store.rules import (
    Rule,
    Violation,
    column_violations,
    frame_count_violations,
    offset_violations,
    present_violations,
    text_violations,
)
from store.schema import FIELDS, TEXT, kind_of
from store.slabs import read_slabs, slab_count
from store.structure import Structure, examine, open_file

__all__ = ["Checked", "Rule", "Violation", "check", "checked"]


Slabs = Iterable[tuple[int, NDArray[np.float32]]]
Watch = Callable[[Slabs, str, int], Slabs]
"""Passes on the slabs of a dataset, given its path and number of slabs."""


def _unwatched(slabs: Slabs, path: str, count: int) -> Slabs:  # noqa: ARG001 - as Watch
    return slabs


@dataclass(frozen=True)
class Checked:
    """The violations found, and the fingerprint of a store whose structure is sound."""

    violations: list[Violation]
    fingerprint: str | None


def check(path: Path) -> list[Violation]:
    """Return the violations that `checked` finds in the store at `path`, none if it is valid."""
    return checked(path).violations


def checked(path: Path, watch: Watch = _unwatched) -> Checked:
    """Test every rule of FORMAT.md on the store at `path`; `watch` shows the progress.

    A rule broken by many rows of one dataset is one violation that counts them. Rules about content
    that cannot be read are skipped; that it cannot be read is itself a violation. Raises StoreError
    where the file cannot be opened as a store of our version at all (see `Store.open`) and OSError
    where the system refuses.
    """
    with open_file(path) as file, system_errors_named(path):
        with damage_named(path):
            structure = examine(file)
        sound = not (structure.violations or structure.chain_violations())
        require_memory(structure.memory_for_columns(as_objects=True), path)
        contents = _Contents(structure, watch)
        contents.columns()
        if structure.n is not None:
            for name in structure.dims:
                contents.modality(f"features/{name}")
        contents.fingerprint()
    return Checked(structure.violations, structure.fingerprint if sound else None)


class _Contents:
    """Reads each dataset that the structure allows, once, and adds the violations it finds."""

    def __init__(self, structure: Structure, watch: Watch) -> None:
        self._structure = structure
        self._violations = structure.violations
        self._watch = watch
        self._structure_is_sound = not structure.violations
        self._entries: dict[str, Entry] = {}

    def columns(self) -> None:
        """Test names, utterances and index."""
        texts: dict[str, list[str]] = {}
        numbers: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            values = self._whole(field.path)
            if values is None:
                continue
            if field.kind != TEXT:
                numbers[field.path] = values
                continue
            stored: list[bytes] = values.tolist()
            broken = text_violations(field.path, stored)
            self._violations += broken
            if not broken:
                texts[field.path] = [text.decode("utf-8") for text in stored]
        self._violations += column_violations(texts, numbers)

    def modality(self, path: str) -> None:
        """Test presence, frame counts, pooled features and sequences of one modality."""
        present, counts = self._whole(f"{path}/present"), self._whole(f"{path}/frames")
        if present is not None:
            self._violations += present_violations(f"{path}/present", present)
            present = present.view(np.uint8) != 0
            if counts is not None:
                self._violations += frame_count_violations(f"{path}/frames", counts, present)
        self._streamed(f"{path}/pooled", RowCheck(present, present is None))
        offsets = self._whole(f"{path}/sequence/offsets")
        if offsets is not None:
            frames = self._structure.datasets.get(f"{path}/sequence/frames")
            n_frames = None if frames is None else len(frames)
            where = f"{path}/sequence/offsets"
            self._violations += offset_violations(where, offsets, counts, n_frames)
        self._streamed(f"{path}/sequence/frames", RowCheck(None))

    def fingerprint(self) -> None:
        """Test the fingerprint, where everything that goes into it could be read."""
        structure = self._structure
        complete = self._structure_is_sound and len(self._entries) == len(structure.datasets)
        if complete and structure.synthetic is not None:
            right, stated = fingerprint(structure.synthetic, self._entries), structure.fingerprint
            if stated != right:
                where = "attribute fingerprint"
                self._violations.report(Rule.FINGERPRINT, where, str(stated), right)

    def _whole(self, path: str) -> NDArray[Any] | None:
        """Read a small dataset and verify its checksum; None if unreadable."""
        dataset = self._structure.datasets.get(path)
        if dataset is None:
            return None
        content = ContentHash()
        try:
            values: NDArray[Any] = dataset[()]
        except HDF5_ERRORS as error:
            self._violations.report_unreadable(path, error)
            return None
        content.add(values)
        self._compare(path, dataset, content)
        return values

    def _streamed(self, path: str, rows: RowCheck) -> None:
        """Examine all rows of a dataset, slab by slab, and verify its checksum."""
        dataset = self._structure.datasets.get(path)
        if dataset is None:
            return
        try:
            for _, slab in self._watch(read_slabs(dataset), path, slab_count(dataset)):
                rows.add(slab)
        except HDF5_ERRORS as error:
            self._violations.report_unreadable(path, error)
            return
        self._compare(path, dataset, rows.content)
        self._violations += rows.violations(path)

    def _compare(self, path: str, dataset: h5py.Dataset, content: ContentHash) -> None:
        right = content.hexdigest()
        stated = self._structure.entries.get(path)
        if stated is None or stated.sha256 != right:
            found = "missing" if stated is None else stated.sha256
            self._violations.report(Rule.CHECKSUM, f"{path} attribute sha256", found, right)
        self._entries[path] = Entry(kind_of(dataset.id.get_type()), tuple(dataset.shape), right)
