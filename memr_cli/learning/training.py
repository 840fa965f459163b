"""Training many small models at once, shared out over threads.

Two threads with a stack each do more than one stack whose operations are split in two: they never
wait for each other. A thread that has nothing left takes half of another's models, so none is idle
until the end. The sharing changes no number (see `loop`, also for the exception).
"""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Condition, Thread

import torch

from memr_cli.learning.devices import torch_threads
from memr_cli.learning.inputs import Inputs
from memr_cli.learning.loop import Fitted, Material, Run, Stack, Task
from memr_cli.learning.networks import Architecture
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import Progress

WORTH_A_THREAD = 2**17
"""Parameters of all models together below which another thread costs more than it gains."""

LIVE_BYTES = 2**30
"""Memory for models that train at the same time; the others wait."""

COPIES = 6
"""Arrays of the parameters' size per model in training, including its best weights."""


@dataclass(frozen=True, eq=False)
class EpochEnd:
    """Model `number` of the tasks ended an epoch; `fitted` if it is done.

    score: its F1-micro on validation rows then, None where it has none.
    """

    number: int
    fitted: Fitted | None
    score: float | None


def train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    device: str,
    progress: Progress,
    description: str,
    architecture: Architecture,
) -> Generator[tuple[int, Fitted], None, None]:
    """Train the model of every task; yields its number in `tasks` and the model when it is done.

    device: cpu or cuda. Close the generator to stop earlier. Raises UnsupportedError where training
    diverges, MemoryError where memory or threads run out.
    """
    scores: dict[int, float] = {}

    def described(end: EpochEnd) -> str:
        """The mean of the models' latest validation scores."""
        if end.score is not None:
            scores[end.number] = end.score
        if not scores:
            return ""
        return f"validation F1-micro {sum(scores.values()) / len(scores):.1%}"

    with _memory_errors():
        material = Material.prepared(inputs, settings, architecture, device)
        most = sum(task.epochs * (1 if task.refit is None else 2) for task in tasks)
        with closing(Workers(material, tasks).epochs()) as epochs:
            for end in progress(epochs, description, total=most, unit="epoch", told=described):
                if end.fitted is not None:
                    yield end.number, end.fitted


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Raise MemoryError for what libraries report as a RuntimeError: no memory, or no thread."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if any(sign in text for sign in ("alloc", "out of memory", "start new thread")):
            raise MemoryError(str(error)) from error
        raise


class Workers:
    """Threads that train tasks together, each with a stack of models."""

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
            # The sums of modules round differently with another number of threads.
            self._n_threads = 1
        runs = [Run(number, task) for number, task in enumerate(tasks)]
        self._waiting = deque(runs[n_live:])
        self._shares = [runs[:n_live][i :: self._n_workers] for i in range(self._n_workers)]
        self._offered: list[Stack] = []
        self._n_idle = 0
        self._stopped = False
        self._changed = Condition()
        self._results: SimpleQueue[EpochEnd | BaseException | None] = SimpleQueue()

    def epochs(self) -> Generator[EpochEnd, None, None]:
        """Train to the end; yields every epoch of a model and raises what a thread raised.

        The threads continue until the generator ends or is closed.
        """
        shares = [runs for runs in self._shares if runs]
        threads = [Thread(target=self._work, args=(runs,), daemon=True) for runs in shares]
        with torch_threads(self._n_threads):
            try:
                for thread in threads:
                    thread.start()
                n_working = len(threads)
                while n_working:
                    result = self._results.get()
                    if isinstance(result, EpochEnd):
                        yield result
                    elif result is None:
                        n_working -= 1
                    else:
                        raise result
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
        """Train in one thread. Puts None among the results at the end, after any error."""
        try:
            stack: Stack | None = Stack.begun(self._material, runs)
            while stack is not None and not self._stopped:
                done = []
                for index, fitted in stack.advance():
                    run = stack.runs[index]
                    self._results.put(EpochEnd(run.number, fitted, run.score))
                    if fitted is not None and not self._replaced(stack, index):
                        done.append(index)
                stack = self._next(stack, done)
        except BaseException as error:
            self._results.put(error)
        finally:
            self._results.put(None)

    def _replaced(self, stack: Stack, index: int) -> bool:
        """Replace a model that is done by a waiting run, if there is one."""
        with self._changed:
            run = self._waiting.popleft() if self._waiting else None
        if run is not None:
            stack.replace(index, run)
        return run is not None

    def _next(self, stack: Stack, done: Sequence[int]) -> Stack | None:
        """Return the stack to continue with: without models that are done, halved for idle threads.

        A thread with nothing left waits for such a half. Returns None where all are done.
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
    """Return how many workers to start, and how many of torch's threads each of them uses.

    With fewer models than threads, each worker may use several: a power of two, since Adam rounds
    differently with others (see `feedforward.BLOCK`). The matrix library does so with any, for some
    shapes: a model alone then differs from the same among others by some 1e-6 a weight.
    """
    if device != "cpu":
        return 1, n_threads
    worthwhile = max(1, n_tasks * n_parameters // WORTH_A_THREAD)
    n_workers = max(1, min(n_tasks, n_threads, worthwhile))
    if n_workers < n_tasks or n_parameters < WORTH_A_THREAD:
        return n_workers, 1
    return n_workers, 1 << (n_threads // n_workers).bit_length() - 1
