"""Locks on files, which the system frees when their holder ends, however it ends."""

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
"""What a file system answers that has no locks."""

MAX_NAME_BYTES = 255
"""What most file systems allow a name to have."""

_HOLDER = re.compile(r"(?P<process>[0-9]{1,10}) (?P<host>[\w.-]{1,255})")


class Outcome(Enum):
    """What came of asking for a lock."""

    OURS = auto()
    THEIRS = auto()
    """Another process, or another part of this one, holds it."""
    UNSUPPORTED = auto()
    """The file system has no locks, so nobody can know."""


def try_lock(descriptor: int) -> Outcome:
    """Ask for the lock on an open file, without waiting; closing the file frees it.

    Raises OSError where the system refuses for another reason than that someone holds it.
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
    """Whether `path` is, still, the name of an open file."""
    try:
        found = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    ours = os.fstat(descriptor)
    return (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino)


def remove_free(folder: Path) -> None:
    """Remove the lock files in a folder that nobody holds, as killed processes leave them."""
    for path in folder.glob(".*.lock"):
        # What cannot be removed stays, and is no more in the way than before.
        with contextlib.suppress(OSError):
            descriptor = _opened(path)
            try:
                if try_lock(descriptor) is Outcome.OURS and names(path, descriptor):
                    path.unlink()
            finally:
                os.close(descriptor)


def beside(path: Path) -> Path:
    """The lock file for what is done to `path`, its name cut to what file systems allow."""
    name = f".{path.name}.lock"
    if len(os.fsencode(name)) > MAX_NAME_BYTES:
        whole = hashlib.sha256(os.fsencode(path.name)).hexdigest()
        name = f".{os.fsdecode(os.fsencode(path.name)[:150])}-{whole}.lock"
    return path.with_name(name)


class LockFile:
    """A file that stands for some work, and is there while a process does it.

    Who holds it writes who they are into it. One that a killed process left is taken over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> Outcome:
        """Ask for the lock, without waiting. Raises OSError where the file cannot be made."""
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
        """Remove the file, and with it the lock, where it is ours."""
        if self._descriptor is not None:
            # Where someone removed it meanwhile, another may hold one of its name by now.
            if names(self.path, self._descriptor):
                self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str:
        """Who holds the lock, as far as the file tells."""
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
        # The lock holds all the same on a full disk, and who waits for it is told less.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()} {os.uname().nodename}".encode("ascii", "replace"))


def _opened(path: Path, how: int = 0) -> int:
    """A descriptor of a lock file. Raises OSError for what is there and is no plain file."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | how
    descriptor = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    return descriptor
