import threading
import time
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memr_cli.ingestion import columns
from memr_cli.ingestion.columns import read_ahead

LARGE = columns.SMALL_BYTES


@pytest.fixture(autouse=True)
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "usable_processors", lambda: 2)


class Files:
    """Stands for files: keeps what is being loaded or waits for its turn, and how much ever was."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.begun: set[int] = set()
        self.threads: set[str] = set()
        self.held = self.most_held = self.most_files = 0
        self._lock = threading.Lock()
        self._held: set[int] = set()

    def load(self, number: int) -> int:
        with self._lock:
            self.begun.add(number)
            self.threads.add(threading.current_thread().name)
            self._held.add(number)
            self.held += self.sizes[number]
            self.most_held = max(self.most_held, self.held)
            self.most_files = max(self.most_files, len(self._held))
        return number

    def release(self, number: int) -> None:
        with self._lock:
            self._held.remove(number)
            self.held -= self.sizes[number]

    def ahead(self) -> closing:
        return closing(read_ahead(range(len(self.sizes)), self.sizes.__getitem__, self.load))


def living() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "read-ahead" in thread.name}


@given(st.lists(st.integers(0, 2 * LARGE), max_size=40))
def test_everything_comes_once_and_in_order(sizes: list[int]) -> None:
    with Files(sizes).ahead() as loaded:
        assert list(loaded) == [(number, number) for number in range(len(sizes))]


def test_a_large_file_is_loaded_by_a_thread_and_a_small_one_is_not() -> None:
    small, large = Files([LARGE - 1] * 9), Files([LARGE] * 9)
    for files in (small, large):
        with files.ahead() as loaded:
            list(loaded)
    assert small.threads == {threading.current_thread().name}
    assert large.threads
    assert threading.current_thread().name not in large.threads


def test_two_files_are_loaded_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)
    with closing(read_ahead(range(2), lambda _: LARGE, lambda _: both.wait())) as loaded:
        assert len(list(loaded)) == 2


def test_what_is_ahead_is_bounded_in_bytes_and_in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = 10 * LARGE
    monkeypatch.setattr(columns, "AHEAD_BYTES", bound)
    for size, files_at_once in ((LARGE, 4), (4 * LARGE, 2), (7 * LARGE, 1), (99 * LARGE, 1)):
        files = Files([size] * 30)
        with files.ahead() as loaded:
            for _, number in loaded:
                time.sleep(0.001)  # a slow consumer, so that the threads get as far as they may
                files.release(number)
        assert files.most_held <= max(bound, size)
        assert files.most_files == files_at_once


def test_a_failure_comes_in_its_turn_and_what_was_before_it_too() -> None:
    def load(number: int) -> int:
        if number >= 3:
            raise OSError(number)
        time.sleep(0.01)
        return number

    with closing(read_ahead(range(9), lambda _: LARGE, load)) as loaded:
        assert [next(loaded) for _ in range(3)] == [(0, 0), (1, 1), (2, 2)]
        with pytest.raises(OSError, match="3"):
            next(loaded)
        assert not living()


def test_a_consumer_that_fails_stops_the_threads() -> None:
    files = Files([LARGE] * 1000)

    def interrupted() -> None:
        with files.ahead() as loaded:
            for number, _ in loaded:
                if number == 5:
                    assert living()
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not living()
    assert len(files.begun) < 12
