"""Two processes on the same files: who writes waits, who reads does not, nothing is mixed up."""

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Ran

from memr_cli.errors import SystemRefusedError
from memr_cli.waiting import holding
from store.locking import LockFile, Outcome

Run = Callable[..., Ran]
MEMR = [sys.executable, "-m", "memr_cli"]
QUICK = ("--epochs", "2", "--method", "lexical")


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [*MEMR, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def held(path: Path) -> LockFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = LockFile(path)
    assert lock.acquire() is Outcome.OURS
    return lock


def lock_of(store: Path, method: str) -> Path:
    return store.parent / "checkpoints" / "speaker" / f".{method}.lock"


def test_the_second_waits_and_says_for_whom(small_store: Path) -> None:
    lock = held(lock_of(small_store, "lexical"))
    second = started("evaluate", "--store", small_store, *QUICK)
    assert second.stderr is not None
    said = second.stderr.readline()
    assert said.startswith(f"memr: waiting for process {os.getpid()} on ")
    assert not (small_store.parent / "metrics").exists()
    lock.release()
    output, _ = second.communicate(timeout=120)
    assert Ran(0, output, "").lines[0]["method"] == "lexical"


def test_two_evaluations_at_once_come_to_what_one_does(memr: Run, small_store: Path) -> None:
    both = [started("evaluate", "--store", small_store, "--epochs", "2", "-q") for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [errors for _, errors in outputs] == ["", ""]
    alone = memr(
        *("evaluate", "--store", small_store, "--epochs", "2"),
        *("--out", small_store.parent / "alone"),
    )
    scores = [result["metrics"] for result in alone.lines]
    for output, _ in outputs:
        assert [result["metrics"] for result in Ran(0, output, "").lines] == scores
    made = [result["reused"] for output, _ in outputs for result in Ran(0, output, "").lines]
    assert made.count(False) == 5  # each method once, by one of the two
    assert not list(small_store.parent.rglob("*.lock"))


def test_a_store_replaced_during_an_evaluation_does_not_change_what_is_evaluated(
    memr: Run, small_raw: Path, small_store: Path
) -> None:
    before = memr("info", "--store", small_store).lines[0]["fingerprint"]
    lock = held(lock_of(small_store, "lexical"))
    running = started("evaluate", "--store", small_store, *QUICK)
    assert running.stderr is not None
    running.stderr.readline()  # it has opened the store, and waits
    ran = memr("ingest", small_raw, "--store", small_store, "--pooling", "max", "--overwrite")
    assert ran.lines[0]["fingerprint"] != before
    lock.release()
    output, _ = running.communicate(timeout=120)
    (result,) = Ran(0, output, "").lines
    assert result["fingerprint"] == before
    again = memr("evaluate", "--store", small_store, *QUICK)
    assert again.lines[0]["reused"] is False
    assert again.lines[0]["metrics"] != result["metrics"]


def test_of_two_that_ingest_at_once_the_second_sees_what_the_first_made(
    small_raw: Path, tmp_path: Path
) -> None:
    """Without --overwrite neither may replace what the other wrote."""
    store = tmp_path / "memr.h5"
    lock = held(tmp_path / ".memr.h5.lock")
    both = [
        started("ingest", small_raw, "--store", store, "--pooling", pooling)
        for pooling in ("mean", "max")
    ]
    for process in both:
        assert process.stderr is not None
        assert "waiting for" in process.stderr.readline()
    lock.release()
    codes = [process.wait(120) for process in both]
    for process in both:
        process.communicate()
    assert sorted(codes) == [0, 4]
    assert [path.name for path in tmp_path.iterdir()] == ["memr.h5"]


@pytest.mark.parametrize(
    ("command", "lock"),
    [
        (("evaluate", "--method", "late"), "checkpoints/speaker/.visual.lock"),
        (("train",), "checkpoints/speaker/.acoustic.lock"),
        (("fuse",), "checkpoints/speaker/.early.lock"),
        (("ablate", "early"), "checkpoints/speaker/.early.lock"),
        (("report",), ".report.lock"),
    ],
)
def test_a_lock_that_does_not_free_ends_in_exit_6(
    memr: Run, small_store: Path, command: tuple[str, ...], lock: str
) -> None:
    mine = held(small_store.parent / lock)
    before = sorted(small_store.parent.rglob("*"))
    ran = memr(*command, "--store", small_store, "--wait", "0")
    assert ran.code == 6
    assert lock in ran.stderr
    assert f"process {os.getpid()} on " in ran.stderr
    assert "--wait SECONDS" in ran.stderr
    made = set(small_store.parent.rglob("*")) - set(before)
    assert not [path for path in made if path.suffix in (".lock", ".json", ".csv")]
    mine.release()


def test_readers_need_no_lock(memr: Run, small_store: Path) -> None:
    memr("evaluate", "--store", small_store, *QUICK)
    locks = [held(lock_of(small_store, "lexical")), held(small_store.parent / ".memr.h5.lock")]
    for command in (("info",), ("check",), ("audit",), ("evaluate", *QUICK, "--wait", "0")):
        ran = memr(*command, "--store", small_store)
        assert ran.code == 0, ran.stderr
    for lock in locks:
        lock.release()


def test_without_locks_a_run_says_so_and_goes_on(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(descriptor: int, operation: int) -> None:  # noqa: ARG001
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    ran = memr("evaluate", "--store", small_store, *QUICK)
    assert ran.code == 0
    assert ran.stderr.count("has no locks") == 1
    assert not list(small_store.parent.rglob("*.lock"))


def test_many_that_take_several_locks_in_any_order_never_wait_for_each_other(
    tmp_path: Path,
) -> None:
    inside, most, lost = [], [], []

    def work(order: int) -> None:
        paths = [tmp_path / f"{name}.lock" for name in ("abc", "bca", "cab")[order % 3]]
        try:
            for _ in range(10):
                with holding(paths, 60, lambda _: None):
                    inside.append(order)
                    most.append(len(inside))
                    time.sleep(0.001)
                    inside.remove(order)
        except SystemRefusedError as error:
            lost.append(error)

    threads = [threading.Thread(target=work, args=(order,)) for order in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (lost, max(most), len(most)) == ([], 1, 60)
