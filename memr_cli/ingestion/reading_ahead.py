"""Files loaded by threads ahead of the one who consumes them, and handed out in order."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

SMALL_BYTES = 256 * 2**10
"""A file below this size is loaded in its turn, without a thread: handing it over costs more."""

AHEAD_BYTES = 256 * 2**20
"""Files on their way take no more than this, or there is but one; a single one may be larger."""

MAX_THREADS = 8
"""More would wait for memory and disk rather than for a processor."""


def read_ahead(
    items: Iterable[T], size: Callable[[T], int], load: Callable[[T], R]
) -> Generator[tuple[T, R], None, None]:
    """Each item with what `load` makes of it, in the order of `items`.

    `load` runs in threads, for a few items ahead whose `size` in bytes is bounded together; `items`
    and `size` are called in the consumer's thread. What `load` raises is raised in that item's
    turn. Closing the generator drops what has not begun and waits for what has, so that no thread
    outlives it: use it with `contextlib.closing`.
    """
    threads = min(usable_processors(), MAX_THREADS)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="read-ahead")
    ahead: deque[tuple[T, int, Future[R] | None]] = deque()
    held = 0

    def first() -> tuple[T, R]:
        item, _, loading = ahead[0]
        return item, load(item) if loading is None else loading.result()

    try:
        for item in items:
            n_bytes = size(item)
            # Twice as many as threads, so that none waits for the turn of a slower one.
            while ahead and (len(ahead) >= 2 * threads or held + n_bytes > AHEAD_BYTES):
                yield first()
                held -= ahead.popleft()[1]
            loading = None if n_bytes < SMALL_BYTES else pool.submit(load, item)
            ahead.append((item, n_bytes, loading))
            held += n_bytes
        while ahead:
            yield first()
            ahead.popleft()
    finally:
        pool.shutdown(cancel_futures=True)


def usable_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
