"""Trained models on disk, one safetensors file for each fold and seed.

A safetensors file is: 8 bytes, the length of the header, little-endian; the header, a JSON object
that gives the type, shape and byte range of each array by name; then the bytes of the arrays. Here
all arrays are little-endian float32 in row-major order:

- `scaler.mean`, `scaler.scale`: (D,) features are standardised as (x - mean) / scale. A feature
  that no training row has, has an infinite scale, and is 0.
- `layers.<i>.weight` (inputs, outputs) and `layers.<i>.bias` (outputs,) of a feed-forward network;
  for other networks, the names of the torch module's parameters; for methods of other packages,
  `model.<name>` as the package names them.
- `selection.<name>`: the same arrays of the model before the refit, which did not train on
  validation rows; without a refit there are none.

The header's `__metadata__` has one entry, `memr`, since safetensors writes several in no fixed
order. It is a JSON object: `format` and `version`; `arrays`, the SHA-256 of the arrays; `hash`, the
SHA-256 of all other facts; and what the model is: `key`, `method`, `fold`, `seed`, `class_names`,
`dims`, `settings` and more. Reading a file runs no code and needs no torch.
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
"""The metadata entry with the facts."""

OWN_HASH = "hash"
"""The fact that is the hash of all others."""

SCALE = "scaler.scale"
"""Ends the name of the array that may hold infinity."""

MOST_BYTES, MOST_HEADER_BYTES = 2**31, 2**22
"""Largest file and header that are read, far above what memr writes."""


class CheckpointError(Exception):
    """A checkpoint cannot be used; the message says why."""


class OtherKeyError(CheckpointError):
    """A checkpoint with another key: made from other data or with other settings."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__("it was trained with other settings or by another version of memr")
        self.facts = facts


@dataclass(frozen=True)
class Layout:
    """The shapes of the arrays that a model must have, by name.

    others: prefixes of the names of further arrays, which may have any shape.
    """

    shapes: Mapping[str, tuple[int, ...]]
    others: tuple[str, ...] = ()

    def refuse(self, found: Mapping[str, tuple[int, ...]]) -> None:
        """Raise CheckpointError where the arrays found have other names or shapes."""
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
    """The arrays of a model by name, and facts about it: JSON values by name."""

    arrays: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]

    def write(self, path: Path) -> None:
        """Write the file, completely or not at all."""
        from safetensors.numpy import save

        described = {"format": FORMAT, "version": VERSION, "arrays": _digest(self.arrays)}
        facts = {**described, **self.facts}
        facts = {**facts, OWN_HASH: _hash_of(facts)}
        text = json.dumps(facts, allow_nan=False, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(dict(self.arrays), {ENTRY: text}))


@dataclass(frozen=True)
class _Header:
    """The facts of a file, and the type and shape of each array."""

    facts: dict[str, Any]
    arrays: Mapping[str, tuple[str, tuple[int, ...]]]


def read_facts(path: Path) -> dict[str, Any]:
    """Read the facts of a checkpoint, without its arrays.

    Raises FileNotFoundError where there is none, CheckpointError where it is damaged, not written
    by memr, or of another version, OSError where the system refuses.
    """
    with _opened(path) as (file, size):
        return _header(file, size).facts


def read(path: Path, key: str | None = None, layout: Layout | None = None) -> Checkpoint:
    """Read a checkpoint. Raises as `read_facts` does.

    Raises OtherKeyError where its key is not `key`, and CheckpointError where it does not have the
    arrays of `layout`, before any array is read; also where arrays do not match their hash.
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
        scales = name.endswith(SCALE)
        usable = array >= np.finfo(np.float32).tiny if scales else np.isfinite(array)
        if not usable.all():
            raise CheckpointError(f"its array {name} holds NaN or infinity")
    return Checkpoint(arrays, header.facts)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    try:
        with opened(path, MOST_BYTES) as found:
            yield found
    except PlainFileError as error:
        raise CheckpointError(str(error)) from error


def _header(file: BufferedReader, size: int) -> _Header:
    """Read the header of a file, and check it against the file's size."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, MOST_HEADER_BYTES):
        raise CheckpointError("it is damaged (its header does not fit into it)")
    try:
        header = decode(file.read(length))
        arrays = {name: _array(one) for name, one in header.items() if name != "__metadata__"}
        facts = decode(header.get("__metadata__", {}).get(ENTRY, "{}").encode())
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(f"it is damaged ({error})") from error
    held = sum(4 * math.prod(shape) for _, shape in arrays.values())
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError("it was not written by memr")
    if facts.get("version") != VERSION:
        raise CheckpointError(f"its version is {facts.get('version')}, expected {VERSION}")
    written = facts.pop(OWN_HASH, None)  # those of earlier releases have none
    if written is not None and written != _hash_of(facts):
        raise CheckpointError("its metadata does not match its checksum")
    if any(kind != "F32" for kind, _ in arrays.values()) or held != size - 8 - length:
        raise CheckpointError("it is damaged (its arrays are not those of its header)")
    return _Header(facts, arrays)


def _array(entry: Any) -> tuple[str, tuple[int, ...]]:
    if not fits(entry, {"dtype": str, "shape": [int]}) or min(entry["shape"], default=0) < 0:
        raise ValueError("an array has no shape")
    return entry["dtype"], tuple(entry["shape"])


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
