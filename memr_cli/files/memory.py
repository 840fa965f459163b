"""Memory: refuse to take more than is left, and recognise the errors of libraries without it."""

from memr_cli.errors import SystemRefusedError

_GIB = 2**30
_SMALL = 2**26
"""Bytes that are not worth asking the system about"""

# Messages of libraries that have no exception of its own for this.
_SAID = (
    "can't allocate memory",
    "cannot allocate memory",
    "failed to map segment from shared object",
    "can't start new thread",
    "out of memory",
    "memory allocation failed",
    "bad_alloc",
)


def require(n_bytes: int, what: str) -> None:
    """Raise SystemRefusedError where `what` takes more memory than the system has left.

    A system that grants more than it has kills the program without a message once it is used.
    """
    if n_bytes < _SMALL:
        return
    from store import memory  # not loaded where no store is

    left = memory.available()
    if n_bytes > left:
        raise SystemRefusedError(
            f"{what} would take {n_bytes / _GIB:.1f} GiB of memory, and {left / _GIB:.1f} GiB are "
            "left. Close other programs, use a machine with more, or name methods that use fewer "
            "modalities."
        )


def ran_out(error: BaseException) -> bool:
    """Tell whether an error, or one that led to it, says that there was not enough memory."""
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
