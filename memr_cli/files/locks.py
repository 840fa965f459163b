"""One memr at a time on the same files: others wait, and name the process that they wait for.

Readers take no locks. Locks avoid doing work twice, and keep one run from replacing files that
another has just written and is about to read. Every file is written whole and records its inputs,
so runs are safe without locks too.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from memr_cli.errors import SystemRefusedError
from store.locks import LockFile, Outcome

_SHORTEST, _LONGEST = 0.02, 0.25
"""Seconds between two attempts, doubled from one to the next"""

_NOTICE = 0.5
"""Seconds of waiting before the notice"""

_ATTEMPTS = 4
"""At least, since removing dead locks holds each for a moment"""


@contextmanager
def holding(
    paths: Sequence[Path], wait: float | None, notice: Callable[[str], None]
) -> Iterator[None]:
    """Hold these lock files, waiting up to `wait` seconds for each, None without end.

    They are taken in the order of their names, so that two processes never wait for each other.
    Raises SystemRefusedError where one does not become free, OSError where one cannot be created.
    """
    with ExitStack() as held:
        for path in sorted(set(paths)):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = LockFile(path)
            if not _acquired(lock, wait, notice):
                notice(
                    f"the file system of {path.parent} has no locks, so another memr that works "
                    "there now may do the same work twice; nothing is lost by that."
                )
                break
            held.callback(lock.release)
        yield


def _acquired(lock: LockFile, wait: float | None, notice: Callable[[str], None]) -> bool:
    """Wait for the lock; False where the file system has no locks."""
    started, pause, attempts, noticed = time.monotonic(), _SHORTEST, 0, False
    while (outcome := lock.acquire()) is Outcome.THEIRS:
        attempts += 1
        waited = time.monotonic() - started
        if wait is not None and waited >= wait and attempts >= _ATTEMPTS:
            raise SystemRefusedError(
                f"{lock.path} is held by {lock.holder()}, which works on the same files, and did "
                f"not become free within {wait:g} s. Let it finish or end it, or wait longer with "
                "--wait SECONDS."
            )
        if not noticed and waited > _NOTICE:
            notice(f"waiting for {lock.holder()}, which works on the same files ({lock.path}).")
            noticed = True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)
    return outcome is Outcome.OURS
