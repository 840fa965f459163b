"""Trained models on disk: safetensors holding arrays, and what they are as JSON in its metadata.

Reading one runs no code and needs no torch. All facts stand in one metadata entry, since the
library writes several in an order that changes from run to run.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.files.plain import PlainFileError, opened
from memr_cli.files.shapes import fits
from memr_cli.files.strict_json import decode
from store.atomic import write_whole

FORMAT = "memr-checkpoint"
VERSION = 1
ENTRY = "memr"
"""The metadata entry that holds the facts."""

OWN_HASH = "hash"
"""The fact that is a hash of all others."""

SCALE = "scaler.scale"
"""Ends the name of the one array that may hold infinity."""

MOST_BYTES, MOST_HEADER_BYTES = 2**31, 2**22
"""Sizes of a file and of its header that are read back, far above what memr writes."""


class CheckpointError(Exception):
    """A checkpoint cannot be used; the text says why."""


class OtherKeyError(CheckpointError):
    """A checkpoint was made from other data or with other settings, as its facts tell."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__("it was trained with other settings or by another version of memr")
        self.facts = facts


@dataclass(frozen=True)
class Layout:
    """The arrays that a model has to have by name, with their shapes.

    others: begins the names of more that it may have, of any shape.
    """

    shapes: Mapping[str, tuple[int, ...]]
    others: tuple[str, ...] = ()

    def refuse(self, found: Mapping[str, tuple[int, ...]]) -> None:
        """Raise CheckpointError where arrays of these names and shapes are not those."""
        for name in sorted(self.shapes.keys() | found.keys()):
            if name not in self.shapes and name.startswith(self.others):
                continue
            if self.shapes.get(name) != found.get(name):
                raise CheckpointError(
                    f"its array {name} is {_shape(found.get(name))}, expected "
                    f"{_shape(self.shapes.get(name))}"
                )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else " x ".join(map(str, shape)) or "a single number"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Arrays of a model by name, and `facts`: what it is, JSON values by name."""

    arrays: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        from safetensors.numpy import save

        described = {"format": FORMAT, "version": VERSION, "arrays": _digest(self.arrays)}
        facts = {**described, **self.facts}
        facts = {**facts, OWN_HASH: _hash_of(facts)}
        text = json.dumps(facts, allow_nan=False, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(dict(self.arrays), {ENTRY: text}))


@dataclass(frozen=True)
class _Header:
    """What a file says of itself: facts, and by array its type and shape."""

    facts: dict[str, Any]
    arrays: Mapping[str, tuple[str, tuple[int, ...]]]


def read_facts(path: Path) -> dict[str, Any]:
    """What a checkpoint is, without its arrays.

    Raises FileNotFoundError where there is none, CheckpointError where it is damaged, not ours, or
    of another version, OSError where the system refuses.
    """
    with _opened(path) as (file, size):
        return _header(file, size).facts


def read(path: Path, key: str | None = None, layout: Layout | None = None) -> Checkpoint:
    """A whole checkpoint, its arrays those that were written. Raises as `read_facts` does.

    Raises CheckpointError also where its key is not `key`, or its arrays are not as in `layout`;
    both are looked at before any array is read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    with _opened(path) as (file, size):
        header = _header(file, size)
        if key is not None and header.facts.get("key") != key:
            raise OtherKeyError(header.facts)
        if layout is not None:
            layout.refuse({name: shape for name, (_, shape) in header.arrays.items()})
        file.seek(0)
        content = file.read(size)
    try:
        arrays = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"it is damaged ({error})") from error
    if _digest(arrays) != header.facts.get("arrays"):
        raise CheckpointError("its weights are not those that were written")
    for name, array in arrays.items():
        # What no training row has is standardised by an infinite scale, which makes it 0.
        scales = name.endswith(SCALE)
        usable = array >= np.finfo(np.float32).tiny if scales else np.isfinite(array)
        if not usable.all():
            raise CheckpointError(f"its array {name} holds what is no number")
    return Checkpoint(arrays, header.facts)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    try:
        with opened(path, MOST_BYTES) as found:
            yield found
    except PlainFileError as error:
        raise CheckpointError(str(error)) from error


def _header(file: BufferedReader, size: int) -> _Header:
    """The header of a file of this size, checked against it."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MOST_HEADER_BYTES):
        raise CheckpointError("it is damaged (its header does not fit into it)")
    try:
        said = decode(file.read(length))
        arrays = {name: _array(one) for name, one in said.items() if name != "__metadata__"}
        facts = decode(said.get("__metadata__", {}).get(ENTRY, "{}").encode())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"it is damaged ({error})") from error
    held = sum(4 * math.prod(shape) for _, shape in arrays.values())
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError("it was not written by memr")
    if facts.get("version") != VERSION:
        raise CheckpointError(f"its version is {facts.get('version')}, expected {VERSION}")
    said = facts.pop(OWN_HASH, None)  # those of earlier releases have none
    if said is not None and said != _hash_of(facts):
        raise CheckpointError("what it tells of itself is not what was written")
    if any(kind != "F32" for kind, _ in arrays.values()) or held != size - 8 - length:
        raise CheckpointError("it is damaged (its arrays are not those of its header)")
    return _Header(facts, arrays)


def _array(said: Any) -> tuple[str, tuple[int, ...]]:
    if not fits(said, {"dtype": str, "shape": [int]}) or min(said["shape"], default=0) < 0:
        raise ValueError("an array has no shape")
    return said["dtype"], tuple(said["shape"])


def _hash_of(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, allow_nan=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """Hash of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
