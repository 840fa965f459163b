"""Files that appear whole or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a file system answers that cannot synchronise a folder; the rename itself has happened.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file beside `path` and move it there once it is complete.

    Yields a path in the same folder that does not exist yet; the caller creates the file and closes
    it. When the block ends, the file is synchronised to disk and takes the place of `path`. When
    the block raises anything, KeyboardInterrupt included, the temporary file is removed and what
    was at `path` stays. Where `path` is a symbolic link, the file it points to is replaced.

    Raises OSError where the system refuses, FileNotFoundError where the block wrote no file.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            # A full disk is reported without a name; a person knows the target, not the temporary.
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    _sync_folder(target.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` into the file `path`, whole or not at all; its folder has to exist."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _sync(path: Path) -> None:
    # Read-write, because Windows synchronises only descriptors that may write.
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
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
