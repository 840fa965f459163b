"""Checksums of datasets, the fingerprint over them, and whether content read agrees with them.

The fingerprint follows from the checksums of the datasets, so content that agrees with its checksum
is the content that the fingerprint names. N rows, D dims.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.rules import Rule, Violation, first_of
from store.schema import FORMAT_NAME, FORMAT_VERSION, TEXT, Scalar, kind_of, text_type


class ContentHash:
    """SHA-256 over values in row order, fed piece by piece."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add_numbers(self, values: NDArray[Any]) -> None:
        """Add numbers or bools, as little-endian bytes in C order."""
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        self._sha256.update(little.reshape(-1).view(np.uint8).data)

    def add_texts(self, texts: Iterable[bytes]) -> None:
        """Add UTF-8 texts, each preceded by its length in bytes as a little-endian uint64."""
        self._sha256.update(b"".join(len(text).to_bytes(8, "little") + text for text in texts))

    def add(self, values: NDArray[Any]) -> None:
        """Add values of a dataset as h5py reads them."""
        if values.dtype.kind != "S":
            self.add_numbers(values)
            return
        width, lengths = values.dtype.itemsize, np.char.str_len(values).astype("<u8")
        rows = np.empty((len(values), 8 + width), np.uint8)
        rows[:, :8] = lengths[:, np.newaxis].view(np.uint8)
        rows[:, 8:] = values[:, np.newaxis].view(np.uint8)
        self._sha256.update(rows[np.arange(8 + width) < 8 + lengths[:, np.newaxis]].data)

    def hexdigest(self) -> str:
        """The digest of all that was added: 64 hexadecimal digits."""
        return self._sha256.hexdigest()


@dataclass(frozen=True)
class Entry:
    """The part of one dataset in the fingerprint."""

    kind: str
    shape: tuple[int, ...]
    sha256: str


def write_numbers(group: h5py.Group, path: str, values: NDArray[Any]) -> Entry:
    """Create a dataset of numbers or bools; returns its entry."""
    dataset = group.create_dataset(path, data=values)
    content = ContentHash()
    content.add_numbers(values)
    return Entry(kind_of(dataset.id.get_type()), values.shape, content.hexdigest())


def write_texts(group: h5py.Group, path: str, texts: Sequence[str]) -> Entry:
    """Create a dataset of texts, as wide as the longest; returns its entry."""
    encoded = [text.encode("utf-8") for text in texts]
    dtype = text_type(max(map(len, encoded), default=1))
    group.create_dataset(path, data=np.array(encoded, dtype=dtype), dtype=dtype)
    content = ContentHash()
    content.add_texts(encoded)
    return Entry(TEXT, (len(encoded),), content.hexdigest())


def fingerprint(synthetic: bool, entries: Mapping[str, Entry]) -> str:
    """Return `sha256:...` of a store's content: all datasets by path, and `synthetic`.

    Provenance is left out, so that the same content has the same fingerprint whenever and from
    wherever it was ingested.
    """
    content = {
        "datasets": [
            [path, entries[path].kind, list(entries[path].shape), entries[path].sha256]
            for path in sorted(entries)
        ],
        "format": FORMAT_NAME,
        "format_version": FORMAT_VERSION,
        "synthetic": synthetic,
    }
    return f"sha256:{_sha256_of_json(content)}"


def provenance_sha256(provenance: Mapping[str, Scalar]) -> str:
    """Return the checksum of the provenance, which is not part of the fingerprint."""
    return _sha256_of_json(dict(provenance))


def _sha256_of_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def chain_violations(
    paths: Iterable[str], entries: Mapping[str, Entry], synthetic: bool, stated: str | None
) -> list[Violation]:
    """Violations that keep the stated fingerprint from following from the stated checksums.

    paths: all datasets of the store. Reads no content.
    """
    missing = sorted(set(paths) - entries.keys())
    if missing:
        found, expected = "missing", "64 hexadecimal digits"
        places = [f"{path} attribute sha256" for path in missing]
        return [Violation(Rule.CHECKSUM, place, found, expected) for place in places]
    right = fingerprint(synthetic, entries)
    if stated == right:
        return []
    return [Violation(Rule.FINGERPRINT, "attribute fingerprint", str(stated), right)]


class Seals:
    """The stated checksums of an open store, and which datasets were found to agree.

    A store is never changed in place, so a dataset is hashed once while its file is open.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._confirmed: set[str] = set()

    def confirmed(self, path: str) -> bool:
        """Tell whether a dataset was found to agree with its checksum."""
        return path in self._confirmed

    def confirm(self, path: str, content: ContentHash) -> list[Violation]:
        """Compare all of a dataset's content with its checksum; returns the violations."""
        stated = self._entries[path].sha256
        if content.hexdigest() != stated:
            found, expected = "other values than were written", f"those of sha256 {stated}"
            return [Violation(Rule.CHECKSUM, path, found, expected)]
        self._confirmed.add(path)
        return []


class RowCheck:
    """Hashes the rows (N, D) of a dataset of features and tests their values, slab by slab.

    present: (N,) true where a row must be finite; the others must be NaN. None: all must be finite,
    or nothing is tested with `hash_only`.
    """

    def __init__(self, present: NDArray[np.bool_] | None, hash_only: bool = False) -> None:
        self.content = ContentHash()
        self._present = present
        self._hash_only = hash_only
        self._seen = 0
        self._infinite: list[int] = []
        self._filled: list[int] = []

    def add(self, slab: NDArray[np.float32]) -> None:
        """Examine the next rows (n, D)."""
        self.content.add_numbers(slab)
        start, self._seen = self._seen, self._seen + len(slab)
        bad = ~np.isfinite(slab).all(axis=1)
        if self._hash_only or (self._present is None and not bad.any()):
            return
        if self._present is not None:
            present = self._present[start : self._seen]
            missing = np.flatnonzero(~present)
            filled = missing[~np.isnan(slab[missing]).all(axis=1)]
            self._filled += (start + filled).tolist()
            bad &= present
        self._infinite += (start + np.flatnonzero(bad)).tolist()

    def violations(self, path: str) -> list[Violation]:
        """The violations seen, of all rows."""
        rule, expected = Rule.POOLED_FINITE, "finite values where present"
        if self._present is None:
            rule, expected = Rule.SEQUENCE_FINITE, "finite values"
        found = [(rule, expected, self._infinite)]
        found.append((Rule.POOLED_MISSING, "NaN throughout where missing", self._filled))
        return [
            Violation(rule, path, first_of(np.array(rows)), expected)
            for rule, expected, rows in found
            if rows
        ]
