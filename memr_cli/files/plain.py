"""Read plain files, whose size is checked before memory is taken.

A pipe, a device or a folder is never opened: reading a pipe could block, and opening a device may
have effects.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

_NO_PLACE = {
    errno.ELOOP: "its links form a loop",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "its name is too long",
}
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_OF_A_FILE = frozenset(
    {
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.EACCES, errno.EPERM, errno.EINVAL, errno.EILSEQ),
    }
)


def is_of_system(error: OSError) -> bool:
    """Return whether an error comes from the system rather than from the file that was read.

    Of the system: too many open files, no memory, a failing disk or network, and any code that is
    not known to concern a path or its permissions. An error without a code is a library's own.
    """
    return error.errno is not None and error.errno not in _OF_A_FILE


class PlainFileError(Exception):
    """The file at a path is not plain, or larger than anything memr writes; says why."""


@contextmanager
def opened(path: Path, most: int) -> Iterator[tuple[BufferedReader, int]]:
    """A plain file of at most so many bytes, open for reading, and its size.

    Raises FileNotFoundError where nothing is there, PlainFileError where it is something else or
    larger, OSError where the system refuses.
    """
    try:
        _refuse_special(path.stat())
        descriptor = os.open(path, _READ)
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise PlainFileError(_NO_PLACE[error.errno]) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _refuse_special(status)  # it may be another file by now
        if status.st_size > most:
            raise PlainFileError(
                f"it has {status.st_size:,} bytes, and memr reads at most {most:,} of its kind"
            )
        yield file, status.st_size


def content(path: Path, most: int) -> bytes:
    """The bytes of a plain file. Raises as `opened`."""
    with opened(path, most) as (file, size):
        return file.read(size)


def is_there(path: Path) -> bool:
    """Return whether a plain file is at a path; an error counts as no."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise PlainFileError("it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise PlainFileError("it is a pipe, a socket or a device")
