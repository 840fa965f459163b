"""Errors about a store as a whole, and how they differ from errors of the system."""

import errno
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoreError(Exception):
    """Base of the errors below; `str(error)` is the whole message for the user."""


class StoreMissingError(StoreError):
    """There is no file at the path."""


class NotAStoreError(StoreError):
    """There is something at the path, but it is not a memr store."""


class StoreDamagedError(StoreError):
    """The store cannot be read, or does not have the layout that FORMAT.md fixes."""


class StoreTooNewError(StoreError):
    """The store was written in a later format than this package reads."""


class StoreTooOldError(StoreError):
    """The store was written in a format that this package no longer reads."""


HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""The exceptions of h5py where a file does not hold what HDF5 expects."""

_SYSTEM = {
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO),
    *(errno.ESTALE, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT, errno.ENODEV, errno.ENXIO),
    *(errno.ENOTCONN, errno.EREMOTEIO),
}
"""Errors of the system that say nothing about the content of a file."""

# HDF5 puts the error of the system into its text, and h5py mostly leaves it there.
_ERRNO = re.compile(r"\berrno = (\d+), error message = '")


def raise_system_error(error: BaseException) -> None:
    """Raise OSError if the system caused this error of h5py, such as by a failing disk."""
    number = error.errno if isinstance(error, OSError) else None
    found = _ERRNO.search(str(error))
    if number is None and found:
        number = int(found[1])
    if number in _SYSTEM:
        raise OSError(number, os.strerror(number)) from error


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn exceptions of h5py on a damaged file into StoreDamagedError.

    Errors of the system become an OSError that names the file, as by `system_errors_named`.
    """
    with system_errors_named(path):
        try:
            yield
        except HDF5_ERRORS as error:
            raise_system_error(error)
            raise StoreDamagedError(damaged(path, f"HDF5 says: {brief(error)}")) from error


@contextmanager
def system_errors_named(path: Path) -> Iterator[None]:
    """Turn errors of the system, and a lack of memory, into an OSError that names the file."""
    try:
        yield
    except MemoryError as error:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path)) from error
    except OSError as error:
        if error.errno in _SYSTEM and error.filename is None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def damaged(path: Path, why: str) -> str:
    """The message for a store that cannot be used."""
    return f"{path} is a damaged memr store: {why}. {ingest_again(path)}"


def ingest_again(path: Path) -> str:
    """The advice for a store that cannot be used."""
    return f"Make it again with `memr ingest RAW --store {shlex.quote(str(path))} --overwrite`."


def brief(error: BaseException) -> str:
    """An exception of h5py in one line."""
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
