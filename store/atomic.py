"""Files that appear whole or not at all."""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.locks import MAX_NAME_BYTES, Outcome, names, try_lock

# Errors of file systems that cannot synchronise a folder; the rename itself has happened.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}

_TEMPORARY = re.compile(r"\..+\.[0-9]+-[0-9a-f]{8}\.tmp", re.DOTALL)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside `path` and move it there once it is complete.

    Yields an empty file in the same folder, which the caller opens, fills and closes. When the
    block ends, the file is synchronised to disk and replaces `path`. When the block raises
    anything, KeyboardInterrupt included, the temporary file is removed and `path` stays as it was.
    Where `path` is a symbolic link, the file it points to is replaced. The temporary file is locked
    while it is written; unlocked ones in the folder were left by killed processes and are removed.

    Raises OSError where the system refuses.
    """
    target = Path(os.path.realpath(path))
    remove_leftovers(target.parent)
    try:
        temporary, descriptor = _created(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        try:
            yield temporary
            os.fsync(descriptor)
            temporary.replace(target)
        except BaseException as error:
            temporary.unlink(missing_ok=True)
            nameless = isinstance(error, OSError) and error.filename in (None, str(temporary))
            if isinstance(error, OSError) and error.errno and nameless:
                # A full disk is reported without a name; users know the target, not the temporary.
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise
    finally:
        os.close(descriptor)
    _sync_folder(target.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to the file `path`, whole or not at all; its folder must exist."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes that ended before they completed them.

    Those that are still being written are locked and stay. Where the file system has no locks, all
    stay. Files that cannot be removed stay too.
    """
    try:
        with os.scandir(folder) as entries:
            found = [Path(one.path) for one in entries if _TEMPORARY.fullmatch(one.name)]
    except OSError:
        return  # writing there will fail with the reason
    for path in found:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            if try_lock(descriptor) is Outcome.OURS and names(path, descriptor):
                path.unlink()
        except OSError:
            continue
        finally:
            os.close(descriptor)


def _created(target: Path) -> tuple[Path, int]:
    """Create a file beside `target`; returns it and the descriptor that holds its lock."""
    while True:
        ending = f".{os.getpid()}-{secrets.token_hex(4)}.tmp"
        start = os.fsencode(target.name)[: MAX_NAME_BYTES - len(ending) - 1]
        temporary = target.with_name("." + os.fsdecode(start) + ending)
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        # Another process may have removed it as a leftover before it was locked.
        if try_lock(descriptor) is not Outcome.THEIRS and names(temporary, descriptor):
            return temporary, descriptor
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_FOLDER_SYNC:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
