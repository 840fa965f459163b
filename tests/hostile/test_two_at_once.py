"""Two processes on the same files: writers wait, readers do not, results never mix."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from sandbox import Running

import memr_cli.experiment.evaluate
from memr_cli.errors import SystemRefusedError
from memr_cli.files.locks import holding
from store.locks import LockFile, Outcome

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--method", "acoustic")

LOADED = (torch, memr_cli.experiment.evaluate)
"""What a run would load is loaded before it forks."""


def waiting(*arguments: str | Path) -> Running:
    """A run that has come so far that it waits for a lock."""
    process = Running(*arguments)
    deadline = time.monotonic() + 60
    while "waiting for" not in process.stderr:
        assert time.monotonic() < deadline, process.stderr
        time.sleep(0.02)
    return process


def held(path: Path) -> LockFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = LockFile(path)
    assert lock.acquire() is Outcome.OURS
    return lock


def lock_of(store: Path, method: str) -> Path:
    return store.parent / "checkpoints" / "speaker" / f".{method}.lock"


def test_the_second_waits_and_says_for_whom(small_store: Path) -> None:
    lock = held(lock_of(small_store, "acoustic"))
    second = waiting("evaluate", "--store", small_store, *QUICK)
    assert second.stderr.startswith(f"memr: waiting for process {os.getpid()} on ")
    assert not (small_store.parent / "metrics").exists()
    lock.release()
    assert second.ended().lines[0]["method"] == "acoustic"


def test_two_evaluations_at_once_come_to_what_one_does(memr: Run, small_store: Path) -> None:
    asked = ("evaluate", "--store", small_store, "--epochs", "2", "-q")
    both = [run.ended() for run in [Running(*asked), Running(*asked)]]
    assert [(run.code, run.stderr) for run in both] == [(0, ""), (0, "")]
    alone = memr(*asked, "--out", small_store.parent / "alone")
    scores = [result["metrics"] for result in alone.lines]
    for run in both:
        assert [result["metrics"] for result in run.lines] == scores
    made = [result["reused"] for run in both for result in run.lines]
    assert made.count(False) == 5  # each method once, by one of the two
    assert not list(small_store.parent.rglob("*.lock"))


def test_a_store_replaced_during_an_evaluation_does_not_change_what_is_evaluated(
    memr: Run, small_raw: Path, small_store: Path
) -> None:
    before = memr("info", "--store", small_store).lines[0]["fingerprint"]
    lock = held(lock_of(small_store, "acoustic"))
    running = waiting("evaluate", "--store", small_store, *QUICK)
    ran = memr("ingest", small_raw, "--store", small_store, "--pooling", "max", "--overwrite")
    assert ran.lines[0]["fingerprint"] != before
    lock.release()
    (result,) = running.ended().lines
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
        waiting("ingest", small_raw, "--store", store, "--pooling", pooling)
        for pooling in ("mean", "max")
    ]
    lock.release()
    assert sorted(run.ended().code for run in both) == [0, 4]
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
    locks = [held(lock_of(small_store, "acoustic")), held(small_store.parent / ".memr.h5.lock")]
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
