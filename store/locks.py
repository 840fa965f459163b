"""Locks on files, which the system frees when their holder ends, however it ends.

The filelock library is not used: it takes 25 to 40 ms to load, recognises a file system without
locks only by ENOSYS, and leaves its lock files behind.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import stat
from enum import Enum, auto
from pathlib import Path

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""Errors of file systems without locks"""

MAX_NAME_BYTES = 255
"""Most bytes of a name on most file systems"""

_HOLDER = re.compile(r"(?P<process>[0-9]{1,10}) (?P<host>[\w.-]{1,255})")


class Outcome(Enum):
    """The result of asking for a lock."""

    OURS = auto()
    THEIRS = auto()
    """Another process, or another part of this one, holds it."""
    UNSUPPORTED = auto()
    """The file system has no locks."""


def try_lock(descriptor: int) -> Outcome:
    """Ask for the lock on an open file, without waiting; closing the file frees it.

    Raises OSError where the system refuses for another reason.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Outcome.THEIRS
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return Outcome.UNSUPPORTED
        raise
    return Outcome.OURS


def names(path: Path, descriptor: int) -> bool:
    """Tell whether `path` is still the name of an open file."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def remove_free(folder: Path) -> None:
    """Remove the lock files in a folder that nobody holds: killed processes left them."""
    for path in folder.glob(".*.lock"):
        # A file that cannot be removed stays; it does no harm.
        with contextlib.suppress(OSError):
            descriptor = _opened(path)
            try:
                if try_lock(descriptor) is Outcome.OURS and names(path, descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def beside(path: Path) -> Path:
    """Return the path of the lock file for `path`, its name cut to a length that is allowed."""
    name = f".{path.name}.lock"
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        whole = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        name = f".{os.fsdecode(os.fsencode(path.name)[:150])}-{whole}.lock"
    return path.with_name(name)


class LockFile:
    """A file that exists while a process holds the lock on it; names its holder.

    One that a killed process left is taken over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> Outcome:
        """Ask for the lock, without waiting. Raises OSError where the file cannot be created."""
        while True:
            descriptor = _opened(self.path, os.O_CREAT)
            try:
                outcome = try_lock(descriptor)
                if outcome is Outcome.UNSUPPORTED:
                    self.path.unlink(missing_ok=True)
                # Its last holder may have removed it after it was opened here.
                if outcome is Outcome.OURS and names(self.path, descriptor):
                    self._sign(descriptor)
                    self._descriptor = descriptor
                    return outcome
            finally:
                if self._descriptor != descriptor:
                    os.close(descriptor)
            if outcome is not Outcome.OURS:
                return outcome

    def release(self) -> None:
        """Remove the file and free the lock, if it is ours."""
        if self._descriptor is not None:
            # If it was removed meanwhile, another process may hold a new one of its name.
            if names(self.path, self._descriptor):
                self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        """Name the holder of the lock, as far as the file has it."""
        try:
            descriptor = _opened(self.path)
            try:
                text = os.read(descriptor, 300).decode("ascii", "replace")
            finally:
                os.close(descriptor)
        except OSError:
            text = ""
        found = _HOLDER.fullmatch(text)
        if found is None:
            return "another process"
        return f"process {found['process']} on {found['host']}"

    def _sign(self, descriptor: int) -> None:
        # On a full disk the lock holds all the same, without the name of its holder.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {os.uname().nodename}".encode("ascii", "replace"))


def _opened(path: Path, how: int = 0) -> int:
    """Open a lock file. Raises OSError where the path is something else than a regular file."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | how
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return descriptor
