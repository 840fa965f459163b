"""The models of one training, shared out over threads.

Two threads with a stack each do more than one stack whose every operation is cut in two: they never
wait for each other. Where one has nothing left, it takes half of another's models, so that none is
idle to the end. Who trains what changes no number (see `stack`, also for where that is not so bit
for bit).
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Condition, Thread

import torch

from memr_cli.learning.stack import Material, Stack
from memr_cli.learning.tasks import Fitted, Run, Task

WORTH_A_THREAD = 2**17
"""Parameters, of all models together, below which another thread costs more than it brings."""

LIVE_BYTES = 2**30
"""What models that train at the same time may take; others wait for a place."""

COPIES = 6
"""Arrays as large as the parameters that a model in training has, its best weights among them."""


@dataclass(frozen=True, eq=False)
class Ended:
    """The model at `place` among the tasks ended an epoch; `fitted` if it is done.

    score: its F1-micro on validation rows then, None where none are.
    """

    place: int
    fitted: Fitted | None
    score: float | None


class Workers:
    """Threads that train tasks together."""

    def __init__(self, material: Material, tasks: Sequence[Task]) -> None:
        self._material = material
        n_parameters = material.architecture.n_parameters
        self._n_workers, self._n_threads = division(
            len(tasks), n_parameters, torch.get_num_threads(), material.device.type
        )
        n_live = self._n_workers
        if material.architecture.together:
            n_live = max(n_live, LIVE_BYTES // (4 * COPIES * n_parameters))
        else:
            # Sums in modules round otherwise with other numbers of threads.
            self._n_threads = 1
        runs = [Run(place, task) for place, task in enumerate(tasks)]
        self._waiting = deque(runs[n_live:])
        self._shares = [runs[:n_live][i :: self._n_workers] for i in range(self._n_workers)]
        self._offered: list[Stack] = []
        self._n_idle = 0
        self._stopped = False
        self._changed = Condition()
        self._told: SimpleQueue[Ended | BaseException | None] = SimpleQueue()

    def ended(self) -> Generator[Ended, None, None]:
        """Train to the end; yields every epoch of a model. Raises what a thread raised.

        To be closed by who stops earlier: the threads go on until then.
        """
        threads = [
            Thread(target=self._work, args=(runs,), daemon=True) for runs in self._shares if runs
        ]
        self._shares = []
        with _torch_threads(self._n_threads):
            try:
                for thread in threads:
                    thread.start()
                n_working = len(threads)
                while n_working:
                    told = self._told.get()
                    if isinstance(told, Ended):
                        yield told
                    elif told is None:
                        n_working -= 1
                    else:
                        raise told
            finally:
                self._stop()
                for thread in threads:
                    if thread.ident is not None:  # it was started
                        thread.join()

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _work(self, runs: Sequence[Run]) -> None:
        """What one thread does. Ends by telling None, after the error if there was one."""
        try:
            stack: Stack | None = Stack.begun(self._material, runs)
            while stack is not None and not self._stopped:
                done = []
                for index, fitted in stack.advance():
                    run = stack.runs[index]
                    self._told.put(Ended(run.place, fitted, run.score))
                    if fitted is not None and not self._filled(stack, index):
                        done.append(index)
                stack = self._next(stack, done)
        except BaseException as error:
            self._told.put(error)
        finally:
            self._told.put(None)

    def _filled(self, stack: Stack, index: int) -> bool:
        """Put a waiting run in a place that has become free, if there is one."""
        with self._changed:
            run = self._waiting.popleft() if self._waiting else None
        if run is not None:
            stack.replace(index, run)
        return run is not None

    def _next(self, stack: Stack, done: Sequence[int]) -> Stack | None:
        """The stack to go on with: without what is done, half of it where a thread is idle.

        A thread with nothing left waits for such a half. None where all are done.
        """
        left = [index for index in range(len(stack.runs)) if index not in done]
        with self._changed:
            if len(left) > 1 and self._n_idle > len(self._offered):
                self._offered.append(stack.part(left[len(left) // 2 :]))
                left = left[: len(left) // 2]
                self._changed.notify_all()
            if left:
                return stack if len(left) == len(stack.runs) else stack.part(left)
            self._n_idle += 1
            while not self._offered:
                if self._n_idle == self._n_workers or self._stopped:
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            self._n_idle -= 1
            return self._offered.pop()


def division(n_tasks: int, n_parameters: int, n_threads: int, device: str) -> tuple[int, int]:
    """How many workers, and how many threads of torch's own each of them uses.

    Where there are fewer models than threads, each worker may use several: a power of two, since
    with others Adam rounds differently (see `network.BLOCK`). The matrix library does so with any,
    for some shapes: a model alone then differs from the same among others by some 1e-6 a weight.
    """
    if device != "cpu":
        return 1, n_threads
    worthwhile = max(1, n_tasks * n_parameters // WORTH_A_THREAD)
    n_workers = max(1, min(n_tasks, n_threads, worthwhile))
    if n_workers < n_tasks or n_parameters < WORTH_A_THREAD:
        return n_workers, 1
    return n_workers, 1 << (n_threads // n_workers).bit_length() - 1


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Have torch use so many threads for one operation, in threads that start meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
