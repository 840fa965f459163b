"""Trained models on disk: safetensors holding arrays, and what they are as JSON in its metadata.

Reading one runs no code and needs no torch. All facts stand in one metadata entry, since the
library writes several in an order that changes from run to run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.atomic import write_whole

FORMAT = "memr-checkpoint"
VERSION = 1
ENTRY = "memr"
"""The metadata entry that holds the facts."""


class CheckpointError(Exception):
    """A checkpoint cannot be used; the text says why."""


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
        text = json.dumps(facts, allow_nan=False, sort_keys=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, save(dict(self.arrays), {ENTRY: text}))


def read_facts(path: Path) -> dict[str, Any]:
    """What a checkpoint is, without its arrays.

    Raises FileNotFoundError where there is none, CheckpointError where it is damaged, not ours, or
    of another version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        facts: dict[str, Any] = json.loads(metadata.get(ENTRY, "{}"))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"it is damaged ({error})") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError("it was not written by memr")
    if facts.get("version") != VERSION:
        raise CheckpointError(f"its version is {facts.get('version')}, expected {VERSION}")
    return facts


def read(path: Path) -> Checkpoint:
    """A whole checkpoint, its arrays those that were written. Raises as `read_facts` does."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    facts = read_facts(path)
    try:
        arrays = load_file(path)
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(f"it is damaged ({error})") from error
    if _digest(arrays) != facts.get("arrays"):
        raise CheckpointError("its weights are not those that were written")
    return Checkpoint(arrays, facts)


def _digest(arrays: Mapping[str, NDArray[np.float32]]) -> str:
    """Hash of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
