"""Checksums of a dataset's content and the fingerprint of a store's."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from store.schema import FORMAT_NAME, FORMAT_VERSION, TEXT, Scalar, kind_of, text_type


class ContentHash:
    """SHA-256 over values in row order, fed piece by piece."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add_numbers(self, values: NDArray[Any]) -> None:
        """Numbers or truth values, as little-endian bytes in C order."""
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        self._sha256.update(little.reshape(-1).view(np.uint8).data)

    def add_texts(self, texts: Iterable[bytes]) -> None:
        """UTF-8 texts, each preceded by its length in bytes as a little-endian uint64."""
        self._sha256.update(b"".join(len(text).to_bytes(8, "little") + text for text in texts))

    def add(self, values: NDArray[Any]) -> None:
        """Values of a dataset as h5py reads them."""
        if values.dtype.kind != "S":
            self.add_numbers(values)
            return
        width, lengths = values.dtype.itemsize, np.char.str_len(values).astype("<u8")
        rows = np.empty((len(values), 8 + width), np.uint8)
        rows[:, :8] = lengths[:, np.newaxis].view(np.uint8)
        rows[:, 8:] = values[:, np.newaxis].view(np.uint8)
        self._sha256.update(rows[np.arange(8 + width) < 8 + lengths[:, np.newaxis]].data)

    def hexdigest(self) -> str:
        """The digest of all that was added, as 64 hexadecimal digits."""
        return self._sha256.hexdigest()


@dataclass(frozen=True)
class Entry:
    """What the fingerprint knows of one dataset."""

    kind: str
    shape: tuple[int, ...]
    sha256: str


def write_numbers(group: h5py.Group, path: str, values: NDArray[Any]) -> Entry:
    """Create a dataset of numbers or truth values; returns its entry."""
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


def fingerprint(class_names: Sequence[str], synthetic: bool, entries: Mapping[str, Entry]) -> str:
    """`sha256:...` of a store's content: all datasets by path, and the root attributes.

    Provenance is left out, so that the same content has the same fingerprint whenever and from
    wherever it was ingested.
    """
    content = {
        "class_names": list(class_names),
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
    """The checksum of the provenance, which the fingerprint leaves out."""
    return _sha256_of_json(dict(provenance))


def _sha256_of_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
