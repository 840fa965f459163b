"""Opening the file of a store: what is wrong with it as a whole, and what to do then."""

import errno
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from store.attributes import read_attribute
from store.errors import (
    NotAStoreError,
    StoreDamagedError,
    StoreMissingError,
    StoreTooNewError,
    StoreTooOldError,
)
from store.heaps import Heaps
from store.schema import FORMAT_NAME, FORMAT_VERSION, OLDEST_VERSION, SIGNATURE

HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises where a file does not hold what HDF5 promises."""

_SYSTEM = {
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ESTALE,
}


def open_file(path: Path) -> h5py.File:
    """Open a store of a version that this package reads, read-only and without a lock.

    A store is never written in place, so readers need no lock, and file systems without locks do.
    Raises StoreMissingError, NotAStoreError, StoreDamagedError, StoreTooNewError or
    StoreTooOldError; OSError where the system refuses.
    """
    _refuse_other_files(path)
    with damage_named(path):
        file = h5py.File(path, "r", locking=False)
    try:
        with damage_named(path):
            heaps = Heaps(file)
            name = read_attribute(file, "format", heaps)
            version = read_attribute(file, "format_version", heaps)
        _refuse_other_formats(path, name, version)
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what h5py raises on a damaged file into StoreDamagedError.

    Memory that does not suffice becomes OSError, as by `memory_named`.
    """
    try:
        with memory_named(path):
            yield
    except HDF5_ERRORS as error:
        refuse_system_error(error)
        raise StoreDamagedError(damaged(path, f"HDF5 says: {brief(error)}")) from error


@contextmanager
def memory_named(path: Path) -> Iterator[None]:
    """Turn a lack of memory, for what a store says that it holds, into an OSError that names it."""
    try:
        yield
    except MemoryError as error:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from error


def refuse_system_error(error: BaseException) -> None:
    """Raise the error again where the system refused, which says nothing about the file."""
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        raise error


def damaged(path: Path, why: str) -> str:
    """The message for a store that cannot be used."""
    return f"{path} is a damaged memr store: {why}. {ingest_again(path)}"


def ingest_again(path: Path) -> str:
    """The way out of a store that cannot be used."""
    return f"Make it again with `memr ingest RAW --store {shlex.quote(str(path))} --overwrite`."


def brief(error: BaseException) -> str:
    """An exception of h5py in one line."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__


def _refuse_other_files(path: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise NotAStoreError(_not_a_store(path, f"it is {kind}"))
        with path.open("rb") as file:
            start = file.read(len(SIGNATURE))
    except (FileNotFoundError, NotADirectoryError) as error:
        quoted = shlex.quote(str(path))
        message = f"There is no store at {path}. Make one with `memr ingest RAW --store {quoted}`."
        raise StoreMissingError(message) from error
    if start != SIGNATURE:
        why = "it is empty" if not start else "it is not an HDF5 file"
        raise NotAStoreError(_not_a_store(path, why))


def _not_a_store(path: Path, why: str) -> str:
    return (
        f"{path} is not a memr store: {why}. Name a store with --store PATH, "
        f"or make one elsewhere with `memr ingest RAW --store PATH`."
    )


def _refuse_other_formats(path: Path, name: object, version: object) -> None:
    if not isinstance(name, str) or name != FORMAT_NAME:
        found = "no attribute `format`" if name is None else f"`format` {name!r}"
        why = f"it is an HDF5 file with {found}, expected {FORMAT_NAME!r}"
        raise NotAStoreError(_not_a_store(path, why))
    if not isinstance(version, np.integer):
        why = f"its attribute `format_version` is {version!r}, expected an integer"
        raise StoreDamagedError(damaged(path, why))
    if version > FORMAT_VERSION:
        raise StoreTooNewError(
            f"{path} has format version {version}; this memr reads up to {FORMAT_VERSION}. "
            f"Upgrade memr, or make it again in the older format with "
            f"`memr ingest RAW --store {shlex.quote(str(path))} --overwrite`."
        )
    if version < OLDEST_VERSION:
        raise StoreTooOldError(
            f"{path} has format version {version}; this memr reads from {OLDEST_VERSION} on. "
            f"{ingest_again(path)}"
        )
