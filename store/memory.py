"""The memory that is left, asked for before much of it is taken."""

import errno
import os
from pathlib import Path

SMALL = 2**26
"""Bytes that are not worth asking the system about"""

_CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def available() -> int:
    """Bytes of memory that can still be taken, swap and the limit of a container included."""
    import psutil  # takes 20 ms to load

    left = int(psutil.virtual_memory().available) + int(psutil.swap_memory().free)
    # psutil does not know of containers. Their use so far does not tell what is left: much of it
    # is a cache of files.
    try:
        limit = _CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return left
    return min(left, int(limit)) if limit.isdecimal() else left


def require_memory(n_bytes: int, path: Path) -> None:
    """Raise OSError where reading `path` would take more memory than is left."""
    if n_bytes >= SMALL and n_bytes > available():
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), str(path))
