"""Results as JSON files: written whole, sealed by a digest, checked when they are read back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from memr_cli.files.plain import PlainFileError, content
from memr_cli.results.hashes import SIZES
from memr_cli.results.schema import Part, Result, decode, encode
from store.atomic import write_whole

_R = TypeVar("_R", bound=Result)


def load(path: Path, kind: type[_R], clean: Callable[[Any], Any] | None = None) -> _R:
    """Read a result of one type from a file of any origin.

    clean: applied to the plain JSON value before it is converted. Raises FileNotFoundError where
    there is no file, ValueError where it is no such result or was changed since it was written, and
    OSError where the system refuses.
    """
    try:
        return decode(content(path, SIZES["json"]), kind, clean)
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
