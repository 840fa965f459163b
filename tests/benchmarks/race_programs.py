"""Whole programs as contenders: each run is a process of its own, from start to end.

A process counts the peak of the one that started it as its own, where that is higher: the driver
has to stay small, and leaves whatever takes memory to programs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from races import Run

PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts memory."""


@dataclass(frozen=True)
class Program:
    """A command. Before each of its runs the files and folders `clears` are removed, and the files
    below `chills` put out of the system's memory.
    """

    name: str
    command: tuple[str, ...]
    clears: tuple[Path, ...] = ()
    chills: tuple[Path, ...] = ()

    def run(self) -> Run:
        """Run it once. Raises RuntimeError, with the end of its stderr, where it fails."""
        for path in self.clears:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path in self.chills:
            chill(path)
        output, figures = launch(self.command)
        printed = objects(output)
        own = [line["seconds"] for line in printed if "seconds" in line]
        if own:
            figures["inside"] = sum(own)
        scored = [line for line in printed if "metrics" in line]
        return Run(figures, {s["method"]: s["metrics"]["f1_micro"]["mean"] for s in scored})


def launch(command: Sequence[str]) -> tuple[str, dict[str, float]]:
    """Run a command; returns its stdout, and what it took. Raises RuntimeError where it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment())
        # The operating system's own account of this one process, and of those it waited for.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise failed(command, process.returncode, end_of(err))
        out.seek(0)
        figures = {
            "wall": wall,
            "cpu": usage.ru_utime + usage.ru_stime,
            "peak": float(usage.ru_maxrss * PEAK_UNIT),
        }
        return out.read().decode(), figures


CAN_CHILL = hasattr(os, "posix_fadvise")
"""Whether this system takes the advice of `chill`."""


def chill(folder: Path) -> None:
    """Put the files below a folder out of the system's memory, so that disk has to give them."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())  # what is not on disk yet has to stay in memory
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def prepare(command: Sequence[str]) -> None:
    """Run what only prepares. Raises RuntimeError, with the end of its stderr, where it fails."""
    launch(command)


def environment() -> dict[str, str]:
    """This process's, without what would lead memr to another store, or have it compiled anew.

    Libraries come with their bytecode. memr from a checkout would be the only side to do without.
    """
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("MEMR_") and key != "PYTHONDONTWRITEBYTECODE"
    }


def failed(command: Sequence[str], code: int, end: str) -> RuntimeError:
    """What to raise for a program that failed."""
    return RuntimeError(f"{' '.join(command)} exited with {code}:\n{end}")


def end_of(file: Any) -> str:
    """The end of what was written into an open file."""
    file.seek(0)
    return str(file.read().decode(errors="replace")[-2000:])


def objects(output: str) -> list[Mapping[str, Any]]:
    """The JSON objects among the lines of an output; none where a line is something else."""
    try:
        lines = [json.loads(line) for line in output.splitlines()]
    except json.JSONDecodeError:
        return []
    return [line for line in lines if isinstance(line, Mapping)]
