"""Verifying a store against every rule of FORMAT.md.

N utterances, D dims, F frames of all utterances. Memory grows with N, not with the features.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.hashing import ContentHash, Entry, fingerprint
from store.layout import Layout, examine
from store.opening import HDF5_ERRORS, damage_named, memory_named, open_file
from store.room import require_room
from store.rules import TEXT_EXPECTED, column_violations, first_of, text_problem
from store.schema import FIELDS, TEXT, kind_of
from store.sealing import chain_violations
from store.slabs import read_slabs, slab_count
from store.violations import Rule, Violation

__all__ = ["Checked", "Rule", "Violation", "check", "checked"]


Slabs = Iterable[tuple[int, NDArray[np.float32]]]
Watch = Callable[[Slabs, str, int], Slabs]
"""Passes on the slabs of a dataset, whose path and number of slabs it is told."""


def _unwatched(slabs: Slabs, path: str, count: int) -> Slabs:  # noqa: ARG001 - as Watch
    return slabs


@dataclass(frozen=True)
class Checked:
    """What a check found, and the fingerprint of a store whose structure is sound."""

    violations: list[Violation]
    fingerprint: str | None


def check(path: Path) -> list[Violation]:
    """The breaches that `checked` finds in the store at `path`, none if it is valid."""
    return checked(path).violations


def checked(path: Path, watch: Watch = _unwatched) -> Checked:
    """Run every rule of FORMAT.md over the store at `path`; what takes long can be watched.

    A rule broken by many rows of one dataset is one breach that counts them. Rules about content
    that cannot be read are passed over; that it cannot be read is itself a breach. Raises
    StoreError where the file cannot be opened as a store of our version at all (see `Store.open`)
    and OSError where the system refuses.
    """
    with open_file(path) as file, memory_named(path):
        with damage_named(path):
            layout = examine(file)
        sound = not (layout.violations or chain_violations(layout))
        require_room(layout.room_for_columns(as_objects=True), path)
        contents = _Contents(layout, watch)
        contents.columns()
        if layout.n is not None:
            for name in layout.dims:
                contents.modality(name)
        contents.fingerprint()
    return Checked(layout.violations, layout.fingerprint if sound else None)


class _Contents:
    """Reads what the structure lets it read, once, and adds the breaches it finds to the layout."""

    def __init__(self, layout: Layout, watch: Watch) -> None:
        self.layout = layout
        self._watch = watch
        self._structure_is_sound = not layout.violations
        self._entries: dict[str, Entry] = {}

    def columns(self) -> None:
        """Names, utterances and index."""
        texts: dict[str, list[str]] = {}
        numbers: dict[str, NDArray[Any]] = {}
        for field in FIELDS:
            values = self._whole(field.path)
            if values is None:
                continue
            if field.kind != TEXT:
                numbers[field.path] = values
            elif self._texts_are_valid(field.path, values):
                texts[field.path] = [text.decode("utf-8") for text in values.tolist()]
        found = column_violations(self.layout.class_names, texts, numbers)
        self.layout.violations.extend(found)

    def modality(self, name: str) -> None:
        """Presence, frame counts, pooled features and sequences of one modality."""
        path = f"features/{name}"
        present = self._present(f"{path}/present")
        counts = self._whole(f"{path}/frames")
        if present is not None and counts is not None:
            bad = np.flatnonzero(np.where(present, counts < 1, counts != 0))
            expected = "at least 1 where present, 0 where missing"
            self._rows(Rule.FRAMES_PRESENT, f"{path}/frames", bad, expected)
        self._pooled(f"{path}/pooled", present)
        self._sequence(f"{path}/sequence", counts)

    def fingerprint(self) -> None:
        """The fingerprint, where everything that goes into it could be read."""
        layout = self.layout
        complete = self._structure_is_sound and len(self._entries) == len(layout.datasets)
        if not complete or layout.class_names is None or layout.synthetic is None:
            return
        right = fingerprint(layout.class_names, layout.synthetic, self._entries)
        if layout.fingerprint != right:
            found = str(layout.fingerprint)
            layout.report(Rule.FINGERPRINT, "attribute fingerprint", found, right)

    def _rows(self, rule: Rule, where: str, bad: NDArray[np.int64], expected: str) -> None:
        if len(bad):
            self.layout.report(rule, where, first_of(bad), expected)

    def _whole(self, path: str) -> NDArray[Any] | None:
        """The values of a small dataset, its checksum verified; None if unreadable."""
        dataset = self.layout.datasets.get(path)
        if dataset is None:
            return None
        content = ContentHash()
        try:
            values: NDArray[Any] = dataset[()]
            content.add(values)
            self._checksum(path, dataset, content)
        except HDF5_ERRORS as error:
            self.layout.report_unreadable(path, error)
            return None
        return values

    def _streamed(self, path: str, look: Callable[[int, NDArray[np.float32]], None]) -> bool:
        """Show all rows of a dataset to `look` and verify its checksum; False if unreadable."""
        dataset = self.layout.datasets.get(path)
        if dataset is None:
            return False
        content = ContentHash()
        try:
            for start, slab in self._watch(read_slabs(dataset), path, slab_count(dataset)):
                content.add_numbers(slab)
                look(start, slab)
            self._checksum(path, dataset, content)
        except HDF5_ERRORS as error:
            self.layout.report_unreadable(path, error)
            return False
        return True

    def _checksum(self, path: str, dataset: h5py.Dataset, content: ContentHash) -> None:
        right = content.hexdigest()
        stated = self.layout.entries.get(path)
        if stated is None or stated.sha256 != right:
            found = "missing" if stated is None else stated.sha256
            self.layout.report(Rule.CHECKSUM, f"{path} attribute sha256", found, right)
        self._entries[path] = Entry(kind_of(dataset.id.get_type()), tuple(dataset.shape), right)

    def _texts_are_valid(self, path: str, values: NDArray[np.bytes_]) -> bool:
        problems = [(row, text_problem(text)) for row, text in enumerate(values.tolist())]
        bad = [(row, problem) for row, problem in problems if problem is not None]
        if bad:
            rows = np.array([row for row, _ in bad])
            found = f"{bad[0][1]} ({first_of(rows)})"
            self.layout.report(Rule.TEXT_VALID, path, found, TEXT_EXPECTED)
        return not bad

    def _present(self, path: str) -> NDArray[np.bool_] | None:
        values = self._whole(path)
        if values is None:
            return None
        stored = values.view(np.uint8)
        self._rows(Rule.PRESENT_BOOLEAN, path, np.flatnonzero(stored > 1), "bytes 0 or 1")
        present: NDArray[np.bool_] = stored != 0
        if not present.any():
            self.layout.report(Rule.MODALITY_PRESENT, path, "no present row", "at least one")
        return present

    def _pooled(self, path: str, present: NDArray[np.bool_] | None) -> None:
        finite = np.zeros(self.layout.n or 0, np.bool_)
        missing = np.zeros_like(finite)

        def look(start: int, slab: NDArray[np.float32]) -> None:
            finite[start : start + len(slab)] = np.isfinite(slab).all(axis=1)
            missing[start : start + len(slab)] = np.isnan(slab).all(axis=1)

        if self._streamed(path, look) and present is not None:
            bad = np.flatnonzero(present & ~finite)
            self._rows(Rule.POOLED_FINITE, path, bad, "finite values where present")
            bad = np.flatnonzero(~present & ~missing)
            self._rows(Rule.POOLED_MISSING, path, bad, "NaN throughout where missing")

    def _sequence(self, path: str, counts: NDArray[np.int64] | None) -> None:
        frames = self.layout.datasets.get(f"{path}/frames")
        offsets = self._whole(f"{path}/offsets")
        if offsets is not None:
            steps = np.diff(offsets)
            wrong = steps < 0 if counts is None else steps != counts
            where = f"{path}/offsets"
            expected = "each frame count of the rows apart"
            self._rows(Rule.SEQUENCE_OFFSETS, where, np.flatnonzero(wrong), expected)
            ends = int(offsets[0]), int(offsets[-1])
            total = ends[1] if frames is None else len(frames)
            if ends != (0, total):
                found = f"from {ends[0]} to {ends[1]}"
                self.layout.report(Rule.SEQUENCE_OFFSETS, where, found, f"from 0 to {total}")
        bad: list[int] = []

        def look(start: int, slab: NDArray[np.float32]) -> None:
            bad.extend((start + np.flatnonzero(~np.isfinite(slab).all(axis=1))).tolist())

        self._streamed(f"{path}/frames", look)
        rows = np.array(bad, np.int64)
        self._rows(Rule.SEQUENCE_FINITE, f"{path}/frames", rows, "finite values")
