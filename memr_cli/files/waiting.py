"""One memr at a time on the same files: the others wait, and say for whom.

Readers need none of this. It spares doing work twice, and it keeps one run from replacing what
another has just made and is about to read; every file is written whole and says what it was made
from, so where the file system has no locks, runs are safe all the same.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from memr_cli.errors import SystemRefusedError
from store.locking import LockFile, Outcome

_SHORTEST, _LONGEST = 0.02, 1.0
"""Seconds between two attempts, longer from one to the next."""

_ATTEMPTS = 4
"""At least, since a run that removes what dead ones left holds each lock for a moment."""


@contextmanager
def holding(
    paths: Sequence[Path], wait: float | None, notice: Callable[[str], None]
) -> Iterator[None]:
    """Hold these lock files, waiting `wait` seconds for each, None without end.

    They are taken in the order of their names, so that two processes never wait for each other.
    Raises SystemRefusedError where one does not become free, OSError where one cannot be made.
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
    """Wait for the lock; False where there are no locks."""
    started, pause, attempts, told = time.monotonic(), _SHORTEST, 0, False
    while True:
        attempts += 1
        outcome = lock.acquire()
        if outcome is not Outcome.THEIRS:
            return outcome is Outcome.OURS
        waited = time.monotonic() - started
        if wait is not None and waited >= wait and attempts >= _ATTEMPTS:
            raise SystemRefusedError(
                f"{lock.path} is held by {lock.holder()}, which works on the same files, and did "
                f"not become free within {wait:g} s. Let it finish or end it, or wait longer with "
                "--wait SECONDS."
            )
        if not told and waited > _LONGEST / 2:
            notice(f"waiting for {lock.holder()}, which works on the same files ({lock.path}).")
            told = True
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST / 4)
