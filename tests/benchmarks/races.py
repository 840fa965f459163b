"""Programs timed against each other, whole processes in turn.

One round runs each contender once, in an order that rotates from round to round, and ratios are
taken within rounds: a machine that slows down for a while slows both sides of a ratio. Quote the
ratios; seconds are those of one machine on one day.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KIB = 1024


@dataclass(frozen=True)
class Contender:
    """A program in a race. Before each of its runs the files and folders `clears` are removed."""

    name: str
    command: tuple[str, ...]
    clears: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Race:
    """Contenders that do comparable work. ratios: pairs of names, the first over the second.

    `warm_ups` rounds are run first and not counted.
    """

    name: str
    what: str
    contenders: tuple[Contender, ...]
    ratios: tuple[tuple[str, str], ...]
    rounds: int
    warm_ups: int = 1


@dataclass(frozen=True)
class Run:
    """One finished process: seconds from start to end, seconds of processor, bytes at its peak."""

    wall: float
    cpu: float
    peak: int
    output: str


@dataclass
class Outcome:
    """A race and the runs of each contender, a round at a time."""

    race: Race
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def median(self, name: str, figure: str) -> float:
        """The median of a contender's `wall`, `cpu` or `peak`."""
        figures: list[float] = [getattr(run, figure) for run in self.runs[name]]
        return statistics.median(figures)

    def ratio(self, over: str, under: str) -> list[float]:
        """Wall time of one contender over that of another, for each round."""
        pairs = zip(self.runs[over], self.runs[under], strict=True)
        return [a.wall / b.wall for a, b in pairs]

    def scores(self) -> dict[str, dict[str, float]]:
        """The mean F1-micro by contender and method, where its last run printed such."""
        found = {name: _scores(runs[-1].output) for name, runs in self.runs.items() if runs}
        return {name: scores for name, scores in found.items() if scores}


def run_race(race: Race, tell: Callable[[str], None]) -> Outcome:
    """Run all rounds. Raises RuntimeError where a contender fails."""
    outcome = Outcome(race, {contender.name: [] for contender in race.contenders})
    for number in range(-race.warm_ups, race.rounds):
        for contender in order(race.contenders, number):
            run = timed(contender)
            if number >= 0:
                outcome.runs[contender.name].append(run)
        tell(f"{race.name}: " + (f"round {number + 1} of {race.rounds}" if number >= 0 else "warm"))
    return outcome


def order(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Who goes first changes from round to round."""
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def timed(contender: Contender) -> Run:
    """Run a contender once. Raises RuntimeError, with the end of its stderr, where it fails."""
    for path in contender.clears:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MEMR_")}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(contender.command, stdout=out, stderr=err, env=environment)
        # The operating system's own account of this one process, and of those it waited for.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            err.seek(0)
            end = err.read().decode(errors="replace")[-2000:]
            command = " ".join(contender.command)
            raise RuntimeError(f"{command} exited with {process.returncode}:\n{end}")
        out.seek(0)
        output = out.read().decode()
    unit = 1 if sys.platform == "darwin" else KIB
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, output)


def _scores(output: str) -> dict[str, float]:
    """The mean F1-micro of each method, from JSON lines of `memr evaluate` and their like."""
    scores = {}
    for line in output.splitlines():
        try:
            value: Any = json.loads(line)
        except json.JSONDecodeError:
            return {}
        if isinstance(value, Mapping) and "metrics" in value:
            scores[value["method"]] = value["metrics"]["f1_micro"]["mean"]
    return scores
