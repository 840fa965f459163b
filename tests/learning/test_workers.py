"""How the models of one training are shared out over threads."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
import torch
from feed_forward import train
from hypothesis import given
from hypothesis import strategies as st

from memr_cli.errors import UnsupportedError
from memr_cli.learning import loop, training
from memr_cli.learning.loop import NO_ROWS, Fitted, Task
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import silent

T = TypeVar("T")
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
    try:
        yield
        assert torch.get_num_threads() == count  # training gives back what it found
    finally:
        torch.set_num_threads(before)


def trained(inputs: PooledInputs, tasks: list[Task]) -> list[Fitted]:
    models = dict(train(inputs, tasks, SETTINGS, "cpu", silent, "test"))
    return [models[place] for place in range(len(tasks))]


@pytest.mark.parametrize("n_threads", [2, 3, 8])
def test_the_number_of_threads_changes_no_number(
    blobs: PooledInputs, tasks: list[Task], n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with threads(1):
        alone = trained(blobs, tasks)
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(loop, "STEPS_AT_ONCE", 2)  # so that models are handed over often
    with threads(n_threads):
        shared = trained(blobs, tasks)
    for ours, theirs in zip(alone, shared, strict=True):
        assert ours.final.best_epoch == theirs.final.best_epoch
        for name, array in ours.final.arrays.items():
            np.testing.assert_array_equal(array, theirs.final.arrays[name])


def test_no_tasks_are_no_models(blobs: PooledInputs) -> None:
    assert trained(blobs, []) == []


@pytest.mark.parametrize(("n_threads", "widest"), [(1, 3), (2, 2)])
def test_models_that_find_no_room_wait_and_come_out_the_same(
    blobs: PooledInputs,
    tasks: list[Task],
    n_threads: int,
    widest: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widths = []
    advance = loop.Stack.advance

    def watched(self: loop.Stack) -> list[tuple[int, Fitted | None]]:
        widths.append(len(self.runs))
        return advance(self)

    monkeypatch.setattr(loop.Stack, "advance", watched)
    with threads(1):
        at_once = trained(blobs, tasks)
        assert max(widths) == 7
        widths.clear()
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(training, "LIVE_BYTES", 3 * 4 * training.COPIES * 1024)
    with threads(n_threads):
        in_turn = trained(blobs, tasks)
    assert max(widths) == widest
    for ours, theirs in zip(at_once, in_turn, strict=True):
        np.testing.assert_array_equal(
            ours.final.arrays["layers.0.weight"], theirs.final.arrays["layers.0.weight"]
        )


def test_an_idle_thread_takes_over_half_of_what_another_has(
    blobs: PooledInputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two threads gets a single short model; long ones remain with the other."""
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    by_thread: dict[int, set[int]] = {}
    advance = loop.Stack.advance

    def watched(self: loop.Stack) -> list[tuple[int, Fitted | None]]:
        found = by_thread.setdefault(threading.get_ident(), set())
        found.update(run.number for run in self.runs)
        return advance(self)

    monkeypatch.setattr(loop.Stack, "advance", watched)
    long = [replace(task, epochs=40, validation=NO_ROWS) for task in tasks[:3]]
    short = replace(tasks[0], epochs=1, validation=NO_ROWS, refit=None)
    with threads(2):
        trained(blobs, [long[0], short, long[1]])
    assert sorted(map(sorted, by_thread.values())) == [[0, 2], [1, 2]]


def test_what_a_thread_raises_comes_out_and_the_others_end(
    blobs: PooledInputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    before = threading.active_count()
    with threads(2), pytest.raises(UnsupportedError, match="diverged"):
        list(train(blobs, tasks, replace(SETTINGS, learning_rate=1e30), "cpu", silent, "test"))
    assert threading.active_count() == before


def test_whoever_stops_listening_stops_the_training(
    blobs: PooledInputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    before = threading.active_count()
    endless = [replace(task, epochs=10**6, validation=NO_ROWS) for task in tasks[:2]]
    with threads(2):
        models = train(blobs, [*endless, tasks[2]], SETTINGS, "cpu", silent, "test")
        assert next(models)[0] == 2
        models.close()
    assert threading.active_count() == before


def test_an_error_of_the_listener_stops_the_training_at_once(
    blobs: PooledInputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even while someone holds the error, and with it all that it passed through."""
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    before = threading.active_count()
    endless = [replace(task, epochs=10**6, validation=NO_ROWS) for task in tasks[:3]]

    def broken(items: Iterable[T], *_: object, **__: object) -> Iterator[T]:
        yield next(iter(items))
        raise OSError("the disk is full")

    with threads(2):
        with pytest.raises(OSError, match="full") as held:
            list(train(blobs, endless, SETTINGS, "cpu", broken, "test"))
        assert threading.active_count() == before
        assert torch.get_num_threads() == 2
    del held


def test_a_thread_that_cannot_be_started_ends_those_that_were(
    blobs: PooledInputs, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "WORTH_A_THREAD", 1)
    before = threading.active_count()
    start, started = threading.Thread.start, []

    def failing(self: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", failing)
    with threads(2), pytest.raises(MemoryError, match="new thread"):
        list(train(blobs, tasks, SETTINGS, "cpu", silent, "test"))
    assert threading.active_count() == before


def test_at_the_presets_shapes_a_model_alone_is_the_same_bit_for_bit() -> None:
    """Alone on two threads of the library, among others on one each."""
    alone, among = alone_and_among(300, 128, 64)
    for name, array in alone.final.arrays.items():
        np.testing.assert_array_equal(array, among.final.arrays[name])


def test_at_odd_shapes_it_is_the_same_but_for_rounding() -> None:
    alone, among = alone_and_among(301, 130, 7)
    for name, array in alone.final.arrays.items():
        np.testing.assert_allclose(array, among.final.arrays[name], rtol=1e-3, atol=2e-5)


def alone_and_among(n_dims: int, hidden: int, batch_size: int) -> tuple[Fitted, Fitted]:
    """The middle one of three models, by itself and with the others."""
    rng = np.random.default_rng(0)
    inputs = PooledInputs(
        rng.normal(size=(300, n_dims)).astype(np.float32), rng.integers(0, 4, 300), 4
    )
    settings = replace(SETTINGS, hidden=hidden, batch_size=batch_size, learning_rate=1e-3)
    tasks = [Task(np.arange(i, 200 + i), NO_ROWS, None, 3, (i,)) for i in range(3)]
    with threads(2):
        together = dict(train(inputs, tasks, settings, "cpu", silent, "test"))
        ((_, alone),) = train(inputs, tasks[1:2], settings, "cpu", silent, "test")
    return alone, together[1]


@given(
    st.integers(0, 300),
    st.integers(1, 10**7),
    st.integers(1, 128),
    st.sampled_from(["cpu", "cuda"]),
)
def test_work_is_divided_without_asking_for_more_threads_than_there_are(
    n_tasks: int, n_parameters: int, n_threads: int, device: str
) -> None:
    n_workers, each = training.division(n_tasks, n_parameters, n_threads, device)
    assert 1 <= n_workers <= max(1, n_tasks)
    assert 1 <= n_workers * each <= n_threads
    if device == "cuda":
        assert n_workers == 1  # operations queue up on the one device
    else:
        assert each & (each - 1) == 0


def test_large_networks_take_a_thread_each_and_small_ones_share_one() -> None:
    assert training.division(5, 800_000, 2, "cpu") == (2, 1)
    assert training.division(1, 800_000, 8, "cpu") == (1, 8)
    assert training.division(5, 800_000, 16, "cpu") == (5, 2)
    assert training.division(5, 10_000, 16, "cpu") == (1, 1)
