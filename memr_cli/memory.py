"""Memory: whether there is enough before much of it is taken, and what libraries say if not."""

from pathlib import Path

from memr_cli.errors import SystemRefusedError

_GIB = 2**30
_MEMINFO = Path("/proc/meminfo")
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SMALL = 2**26
"""Bytes that are not worth asking the system about."""

# What others than Python and numpy raise, as errors of no type of its own.
_SAID = (
    "can't allocate memory",
    "cannot allocate memory",
    "failed to map segment from shared object",
    "can't start new thread",
    "out of memory",
    "memory allocation failed",
)


def require(n_bytes: int, what: str) -> None:
    """Raise SystemRefusedError where `what` takes more memory than the system has left.

    A system that grants more than it has ends the program without a word once it is used. Where the
    system does not tell what it has, nothing is refused.
    """
    if n_bytes < _SMALL:
        return
    left = available()
    if left is not None and n_bytes > left:
        raise SystemRefusedError(
            f"{what} would take {n_bytes / _GIB:.1f} GiB of memory, and {left / _GIB:.1f} GiB are "
            "left. Close other programs, use a machine with more, or name methods that use fewer "
            "modalities."
        )


def available() -> int | None:
    """Bytes of memory that can still be taken, None where the system does not tell."""
    found = [left for left in (_of_system(), _of_group()) if left is not None]
    return min(found, default=None)


def ran_out(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that there was not enough memory."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        if isinstance(one, MemoryError):
            return True
        text = str(one).lower()
        if isinstance(one, RuntimeError | ImportError | OSError) and any(
            said in text for said in _SAID
        ):
            return True
        seen.add(id(one))
        one = one.__cause__ or one.__context__
    return False


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
