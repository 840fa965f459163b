"""Small stores for the tests, and FORMAT.md's checksums computed with nothing but h5py."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from store.utterances import Utterances
from store.writer import StoreWriter

CLASSES = ("anger", "sadness")
DIMS = {"lexical": 4, "visual": 3}
N = 12
MISSING = {"lexical": (1, 5), "visual": (0, 7)}  # rows in store order


def utterances() -> Utterances:
    """Twelve utterances of three speakers; the labels of a speaker are -1, 0, 1, 1."""
    return Utterances.arrange(
        ids=[f"Ses0{1 + i % 2}_d{i % 4}_{i:02d}é" for i in range(N)],
        speakers=[f"F0{1 + i % 3}" for i in range(N)],
        labels=[(None, 0, 1, 1)[i // 3] for i in range(N)],
        sessions=[None if i == 2 else str(1 + i % 2) for i in range(N)],
        dialogues=[None if i == 3 else f"d{i % 4}" for i in range(N)],
        turns=[None if i == 3 else i for i in range(N)],
        splits=[None] * N,
    )


def vector(name: str, row: int) -> np.ndarray | None:
    if row in MISSING[name]:
        return None
    return np.arange(DIMS[name], dtype=np.float32) + 10 * row + len(name)


def frames(name: str, row: int) -> np.ndarray | None:
    """One to three frames whose mean is the vector."""
    mean = vector(name, row)
    if mean is None:
        return None
    count = 1 + row % 3
    return mean + (np.arange(count, dtype=np.float32) - (count - 1) / 2)[:, np.newaxis]


def write_store(
    path: Path,
    *,
    sequences: bool = False,
    names: Sequence[str] = ("lexical", "visual"),
    provenance: dict[str, Any] | None = None,
) -> str:
    """A valid store; returns its fingerprint."""
    if provenance is None:
        provenance = {"pooling": "mean", "files": 3, "fraction": 0.5, "sequences": sequences}
    with StoreWriter(
        path, utterances(), CLASSES, provenance=provenance, synthetic=True, sequences=sequences
    ) as writer:
        for name in names:
            writer.add_modality(name, DIMS[name])
            for row in range(N):
                several = frames(name, row)
                count = 0 if several is None else len(several)
                writer.append(name, vector(name, row), count, several if sequences else None)
        return writer.finish()


def datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}

    def visit(path: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset):
            found[path] = thing

    file.visititems(visit)
    return found


def content_sha256(dataset: h5py.Dataset) -> str:
    """The rule `checksum`, from its text."""
    values = dataset[()]
    if h5py.check_string_dtype(dataset.dtype) is None:
        return hashlib.sha256(values.tobytes()).hexdigest()
    texts = values.tolist()
    return hashlib.sha256(b"".join(len(t).to_bytes(8, "little") + t for t in texts)).hexdigest()


def content_fingerprint(file: h5py.File) -> str:
    """The rule `fingerprint`, from its text; takes the checksums as they stand in the file."""
    found = [
        [
            path,
            "text" if h5py.check_string_dtype(dataset.dtype) else dataset.dtype.name,
            list(dataset.shape),
            dataset.attrs["sha256"].decode(),
        ]
        for path, dataset in sorted(datasets(file).items())
    ]
    content = {
        "datasets": found,
        "format": "memr-store",
        "format_version": 2,
        "synthetic": bool(file.attrs["synthetic"]),
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def provenance_sha256(file: h5py.File) -> str:
    """The rule `provenance-checksum`, from its text."""
    values = {name: np.asarray(value).item() for name, value in file["provenance"].attrs.items()}
    values = {name: v.decode() if isinstance(v, bytes) else v for name, v in values.items()}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def seal(path: Path) -> None:
    """Bring the checksums and the fingerprint up to date after an edit."""
    with h5py.File(path, "r+") as file:
        for dataset in datasets(file).values():
            put_attribute(dataset, "sha256", content_sha256(dataset))
        put_attribute(file, "fingerprint", content_fingerprint(file))
        put_attribute(file, "provenance_sha256", provenance_sha256(file))


def put_attribute(thing: Any, name: str, value: Any) -> None:
    """Write an attribute, a text with a type of fixed length."""
    if isinstance(value, str):
        raw = value.encode()
        kind = h5py.string_dtype("utf-8", max(len(raw), 1))
        thing.attrs.create(name, np.array(raw, kind), dtype=kind)
    else:
        thing.attrs[name] = value


def replace(file: h5py.File, path: str, values: Any, **how: Any) -> None:
    """Put another dataset in the place of one."""
    del file[path]
    file.create_dataset(path, data=values, **how)
