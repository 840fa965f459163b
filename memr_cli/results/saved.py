"""Results as JSON files: written whole, sealed by a digest, checked when they are read back."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from memr_cli.files.plain import PlainFileError, content
from memr_cli.files.shapes import each, fits
from memr_cli.files.strict_json import decode
from memr_cli.results.hashes import SIZES
from memr_cli.results.schema import Part, Result, encode, hash_of
from memr_cli.results.schema import decode as decode_result
from store.atomic import write_whole

_R = TypeVar("_R", bound=Result)

SCHEMA = "memr.evaluate/1"
NEEDED = ("store", "fingerprint", "method", "key", "hashes")
"""What later runs rely on in a metrics file; without it the file is as good as none."""

_SHARED = {"store": str, "fingerprint": str, "method": str, "key": str, "hashes": each(str)}
"""What these are, in whichever file has them."""


def load(path: Path, kind: type[_R], clean: Callable[[Any], Any] | None = None) -> _R:
    """Read a result of one type from a file of any origin.

    clean: applied to the plain JSON value before it is converted. Raises FileNotFoundError where
    there is no file, ValueError where it is no such result or was changed since it was written, and
    OSError where the system refuses.
    """
    try:
        return decode_result(content(path, SIZES["json"]), kind, clean)
    except PlainFileError as error:
        raise ValueError(str(error)) from error


def load_if_valid(path: Path, kind: type[_R]) -> _R | None:
    """Read a result of one type, or return None where there is none that can be read."""
    try:
        return load(path, kind)
    except (FileNotFoundError, ValueError):
        return None


def save(path: Path, result: Result) -> None:
    """Write a result whole or not at all, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, encode(result))


class _Origin(Part):
    store: str | None = None


def store_named_in(path: Path) -> str | None:
    """Return the store that the result in a file was made from, None where it names none.

    The rest of the result is not looked at: it may be one of a later version.
    """
    try:
        return msgspec.json.decode(content(path, SIZES["json"]), type=_Origin).store
    except (FileNotFoundError, PlainFileError, ValueError, RecursionError):
        return None


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write an evaluation's object, the part that later runs and reports read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metrics, allow_nan=False, indent=1) + "\n"
    write_whole(path, text.encode())


def read_metrics(path: Path) -> dict[str, Any] | None:
    """The object in a metrics file, or None where there is no file or it is not one of ours."""
    return read_object(path, SCHEMA, NEEDED)


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with a hash of all it says, by which one that was edited is told."""
    return {**value, "digest": hash_of(value)}


def read_object(path: Path, schema: str, needed: Iterable[str]) -> dict[str, Any] | None:
    """The JSON object in a file.

    None where there is none of this schema with what is needed, or it says other than when it was
    sealed.
    """
    try:
        return told(path, schema, needed)
    except (FileNotFoundError, ValueError):
        return None


def told(path: Path, schema: str, needed: Iterable[str]) -> dict[str, Any]:
    """The JSON object in a file.

    Raises FileNotFoundError where there is none, ValueError where it is none of this schema with
    what is needed, or says other than when it was sealed, OSError where the system refuses.
    """
    try:
        value = decode(content(path, SIZES["json"]))
    except PlainFileError as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict) or value.get("schema") != schema:
        what = "an evaluation" if schema == SCHEMA else schema
        raise ValueError(f"it is no JSON object of {what}")
    for name in needed:
        if not fits(value.get(name), _SHARED.get(name, _present)):
            wrong = "missing" if value.get(name) is None else "not as memr writes it"
            raise ValueError(f"its field {name} is {wrong}")
    said = {name: part for name, part in value.items() if name != "digest"}
    if "digest" in value and value["digest"] != hash_of(said):
        raise ValueError("it was changed after memr wrote it")
    return value


def _present(value: Any) -> bool:
    return value is not None


def owner(path: Path, schema: str) -> str | None:
    """The store that the JSON object in a file was made from, None where it does not say."""
    return (read_object(path, schema, ["store"]) or {}).get("store")
