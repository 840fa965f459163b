"""Room in memory, asked for before much of it is taken."""

import errno
import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
SMALL = 2**26
"""Bytes that are not worth asking the system about."""


def available() -> int | None:
    """Bytes of memory that can still be taken, None where the system does not tell."""
    found = [left for left in (_of_system(), _of_group()) if left is not None]
    return min(found, default=None)


def require_room(n_bytes: int, path: Path) -> None:
    """Raise OSError where what is read of `path` takes more memory than the system has left."""
    left = available() if n_bytes >= SMALL else None
    if left is not None and n_bytes > left:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path))


def _of_system() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kibibytes = {
        name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)
    }
    if "MemAvailable" not in kibibytes:
        return None
    return 1024 * (kibibytes["MemAvailable"] + kibibytes.get("SwapFree", 0))


def _of_group() -> int | None:
    """What a container may take in all, where it is limited."""
    # What it holds already does not tell what is left: much of that is a cache of files.
    try:
        limit = _GROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) if limit.isdecimal() else None
