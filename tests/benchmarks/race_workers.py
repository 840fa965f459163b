"""Workers: processes that stay up, and answer in seconds how long a piece of work took.

What is compared within one process shares its threads and its memory, and what is compared between
processes waits for each to start. So each side of a comparison gets a process of its own that has
started before, and they are asked in turn. Requests and answers are lines of JSON.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from race_programs import end_of, environment, failed
from races import Run

HERE = Path(__file__).parent


class Worker:
    """A program of this folder that calls `serve`; a context manager that ends it."""

    def __init__(self, *command: str) -> None:
        program, *arguments = command
        self.command = (sys.executable, str(HERE / program), *arguments)
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._err,
            text=True,
            env=environment(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._process.kill()
        self._process.communicate()
        self._err.close()

    def ask(self, request: Mapping[str, Any]) -> float:
        """The seconds that it answers with. Raises RuntimeError where it ends instead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise failed(self.command, self._process.wait(), end_of(self._err))
        return float(json.loads(answer))


@dataclass(frozen=True)
class Question:
    """A request to a worker. Its answer, over `parts`, is the contender's one figure."""

    name: str
    worker: Worker
    request: Mapping[str, Any]
    figure: str
    parts: int

    @property
    def command(self) -> Sequence[str]:
        """What to type, with the request as its input."""
        return (*self.worker.command, "<<<", json.dumps(self.request))

    def run(self) -> Run:
        """Ask once. Raises RuntimeError where the worker ends instead of an answer."""
        return Run({self.figure: self.worker.ask(self.request) / self.parts})


def serve(answer: Callable[[Mapping[str, Any]], float]) -> None:
    """Answer requests until there are no more; what a worker's program does."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)
