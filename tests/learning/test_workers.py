"""How the models of one training are shared out over threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from memr_cli.errors import UnsupportedError
from memr_cli.learning import stack, workers
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.training import NO_ROWS, Fitted, Inputs, Task, train
from memr_cli.progress import silent

SETTINGS = TrainingSettings(
    hidden=16,
    optimizer="adamw",
    learning_rate=1e-2,
    weight_decay=1e-2,
    batch_size=8,
    dropout=0.3,
    averaging=0.9,
    epochs=12,
    patience=3,
    refit=True,
    presence_indicator=False,
)


@pytest.fixture
def blobs() -> Inputs:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    features = rng.normal(size=(120, 5)) + 1.2 * np.eye(3, 5)[labels]
    return Inputs(features.astype(np.float32), labels.astype(np.int32), 3)


@pytest.fixture
def tasks() -> list[Task]:
    """Seven, of unequal size and length; two without a validation part, one without a refit."""
    made = []
    for number in range(7):
        rows = np.arange(3 * number, 40 + 11 * number)
        validation = NO_ROWS if number in (2, 5) else np.arange(105, 120)
        refit = None if number == 3 else np.arange(100)
        made.append(Task(rows, validation, refit, 5 + number, (number,)))
    return made


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    yield
    assert torch.get_num_threads() == count  # training gives back what it found
    torch.set_num_threads(before)


def trained(inputs: Inputs, tasks: list[Task]) -> list[Fitted]:
    models = dict(train(inputs, tasks, SETTINGS, "cpu", silent, "test"))
    return [models[place] for place in range(len(tasks))]


@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_the_number_of_threads_changes_no_number(
    blobs: Inputs, tasks: list[Task], n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threads(1):
        alone = trained(blobs, tasks)
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(stack, "STEPS_AT_ONCE", 2)  # so that models are handed over often
    with threads(n_threads):
        shared = trained(blobs, tasks)
    for ours, theirs in zip(alone, shared, strict=True):
        assert ours.final.best_epoch == theirs.final.best_epoch
        for name, array in ours.final.arrays.items():
            np.testing.assert_array_equal(array, theirs.final.arrays[name])


def test_models_that_find_no_room_wait_and_come_out_the_same(
    blobs: Inputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []
    advance = stack.Stack.advance

    def watched(self: stack.Stack) -> list[tuple[int, Fitted | None]]:
        widths.append(len(self.runs))
        return advance(self)

    monkeypatch.setattr(stack.Stack, "advance", watched)
    with threads(1):
        at_once = trained(blobs, tasks)
        assert max(widths) == 7
        widths.clear()
        monkeypatch.setattr(workers, "LIVE_BYTES", 3 * 4 * workers.COPIES * 1024)
        in_turn = trained(blobs, tasks)
    assert max(widths) == 3
    for ours, theirs in zip(at_once, in_turn, strict=True):
        np.testing.assert_array_equal(
            ours.final.arrays["layers.0.weight"], theirs.final.arrays["layers.0.weight"]
        )


def test_an_idle_thread_takes_over_half_of_what_another_has(
    blobs: Inputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two threads gets a single short model; long ones remain with the other."""
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 1)
    by_thread: dict[int, set[int]] = {}
    advance = stack.Stack.advance

    def watched(self: stack.Stack) -> list[tuple[int, Fitted | None]]:
        found = by_thread.setdefault(threading.get_ident(), set())
        found.update(run.place for run in self.runs)
        return advance(self)

    monkeypatch.setattr(stack.Stack, "advance", watched)
    long = [replace(task, epochs=40, validation=NO_ROWS) for task in tasks[:3]]
    short = replace(tasks[0], epochs=1, validation=NO_ROWS, refit=None)
    with threads(2):
        trained(blobs, [long[0], short, long[1]])
    assert sorted(map(sorted, by_thread.values())) in ([[0, 2], [1, 2]], [[0, 2], [0, 1]])


def test_what_a_thread_raises_comes_out_and_the_others_end(
    blobs: Inputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "WORTH_A_THREAD", 1)
    before = threading.active_count()
    with threads(2), pytest.raises(UnsupportedError, match="diverged"):
        list(train(blobs, tasks, replace(SETTINGS, learning_rate=1e30), "cpu", silent, "test"))
    assert threading.active_count() == before


def test_whoever_stops_listening_stops_the_training(blobs: Inputs, tasks: list[Task]) -> None:
    before = threading.active_count()
    endless = [replace(task, epochs=10**6, validation=NO_ROWS) for task in tasks[:2]]
    with threads(2):
        models = train(blobs, [*endless, tasks[2]], SETTINGS, "cpu", silent, "test")
        assert next(models)[0] == 2
        models.close()
    assert threading.active_count() == before


@given(
    st.integers(1, 300),
    st.integers(1, 10**7),
    st.integers(1, 128),
    st.sampled_from(["cpu", "cuda"]),
)
def test_work_is_divided_without_asking_for_more_threads_than_there_are(
    n_tasks: int, n_parameters: int, n_threads: int, device: str
) -> None:
    n_workers, each = workers.division(n_tasks, n_parameters, n_threads, device)
    assert 1 <= n_workers <= n_tasks
    assert 1 <= n_workers * each <= n_threads
    if device == "cuda":
        assert n_workers == 1  # operations queue up on the one device
    else:
        assert each & (each - 1) == 0


def test_large_networks_take_a_thread_each_and_small_ones_share_one() -> None:
    assert workers.division(5, 800_000, 2, "cpu") == (2, 1)
    assert workers.division(1, 800_000, 8, "cpu") == (1, 8)
    assert workers.division(5, 800_000, 16, "cpu") == (5, 2)
    assert workers.division(5, 10_000, 16, "cpu") == (1, 1)
