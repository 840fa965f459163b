"""Stores as small as they get, and all that a reader can see of one."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from store import slabs
from store.check import check
from store.errors import StoreError
from store.utterances import Utterances
from store.writer import StoreWriter

IDS = ["a", "bé", "c"]
FRAMES = [2, 0, 1]
"""How many frames each utterance has; the second lacks the modality."""


def write_tiny(path: Path, sequences: bool) -> None:
    """A valid store of three utterances and one modality of one dim."""
    rows = Utterances.arrange(
        ids=IDS,
        speakers=["F01", "F01", "M01"],
        labels=[1, None, 0],
        sessions=["1", "1", None],
        dialogues=["d", "d", None],
        turns=[0, 1, None],
        splits=["test", None, "train"],
    )
    provenance = {
        "pooling": "mean",
        "created": "2026-11-22T21:52:03+00:00",
        "files": 3,
        "rate": 0.5,
    }
    with (
        _small_chunks(),
        StoreWriter(
            path, rows, ["anger", "joy"], provenance=provenance, synthetic=True, sequences=sequences
        ) as writer,
    ):
        writer.add_modality("lexical", 1)
        for row in rows.source_row:
            frames = np.arange(FRAMES[row], dtype=np.float32)[:, np.newaxis] + 7
            mean = frames.mean(axis=0) if len(frames) else None
            several = frames if sequences and len(frames) else None
            writer.append("lexical", mean, len(frames), several)
        writer.finish()


def seen(path: Path) -> str:
    """A digest of every name, link, type, shape, value and attribute in a file."""
    told: list[Any] = []

    def look(name: str, thing: Any) -> None:
        told.append((name, type(thing).__name__))
        told.extend(
            (key, thing.attrs.get_id(key).get_type().encode(), _plain(thing.attrs[key]))
            for key in sorted(thing.attrs)
        )
        if isinstance(thing, h5py.Dataset):
            told.append((thing.id.get_type().encode(), thing.shape, thing.maxshape, thing.chunks))
            told.append(_plain(thing[()]))
        else:
            told.extend((key, _link(thing.get(key, getlink=True))) for key in sorted(thing))

    with h5py.File(path, "r", locking=False) as file:
        look("/", file)
        file.visititems(look)
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()


def _link(link: Any) -> tuple[str, dict[str, Any]]:
    return type(link).__name__, getattr(link, "__dict__", {})


def is_reported(path: Path) -> bool:
    """Whether `memr check` would say that something is wrong with a store."""
    try:
        return bool(check(path))
    except StoreError:
        return True


def quick_folder() -> str | None:
    """Where files lie in memory, if there is such a place."""
    memory = "/dev/shm"  # noqa: S108
    return memory if os.access(memory, os.W_OK) else None


@contextmanager
def _small_chunks() -> Iterator[None]:
    """Chunks of a few rows, most of which would be empty here."""
    before, slabs.WRITE_ROWS = slabs.WRITE_ROWS, 4
    try:
        yield
    finally:
        slabs.WRITE_ROWS = before


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        data = value.tolist() if value.dtype.hasobject else value.tobytes()
        return value.dtype.str, value.shape, data
    return type(value).__name__, value
