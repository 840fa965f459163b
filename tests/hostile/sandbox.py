"""memr run on hostile input in a process of its own, and what must hold of any such run."""

import atexit
import importlib
import json
import os
import pkgutil
import re
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

import memr_cli
from memr_cli import app
from memr_cli.interrupts import leave_on_interrupt

CASES = int(os.environ.get("FUZZ_CASES", "0"))
"""Inputs that each test of made-up ones tries in a hunt; 0 for the short, fixed part of it."""

hostile = settings(
    max_examples=CASES or 12,
    derandomize=not CASES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
"""Decorates each test of made-up input."""

SECONDS = 60
"""A run on a few kilobytes of input that takes longer hangs."""

MEGABYTES = 1024
"""How much more memory than the tests themselves a run on a small input may ask for."""

REFUSALS = {2, 3, 4, 5, 6}

tried = 0
"""How many runs this process made."""


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, negative for a signal, and what it wrote."""

    arguments: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The objects on stdout. Raises ValueError where it is not strict JSON."""
        return [json.loads(line, parse_constant=_refuse) for line in self.stdout.splitlines()]


@dataclass(frozen=True)
class Conditions:
    """What a run meets.

    megabytes: how much more memory than this process it may have. limits: of RLIMIT_..., what it
    may use. user: whom it runs as, which only root can choose.
    """

    folder: Path | None = None
    megabytes: int = MEGABYTES
    limits: Mapping[int, int] = field(default_factory=dict)
    user: int | None = None


class Running:
    """A run of `memr` in a fork of this process, which spares loading it again.

    What crashes, hangs or takes memory without end takes only the fork with it.
    """

    def __init__(self, *arguments: str | Path, conditions: Conditions | None = None) -> None:
        global tried
        tried += 1
        main = _loaded()
        self._words = tuple(str(argument) for argument in arguments)
        self._files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        sys.stdout.flush()
        sys.stderr.flush()
        self._started = time.monotonic()
        self.process = os.fork()
        if self.process == 0:  # pragma: no cover - the fork does not report what it covers
            out, err = (file.fileno() for file in self._files)
            _become(main, self._words, out, err, conditions or Conditions())

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return _content(self._files[1])

    def ended(self, seconds: float = SECONDS) -> Ended:
        """Wait for the end; what has not ended `seconds` after its start is killed."""
        code = _wait(self.process, self._started + seconds)
        took = time.monotonic() - self._started
        texts = [_content(file) for file in self._files]
        for file in self._files:
            file.close()
        return Ended(self._words, code, *texts, took)


def run(
    *arguments: str | Path, seconds: float = SECONDS, conditions: Conditions | None = None
) -> Ended:
    """Run `memr` with these arguments to its end, or kill it when its time is up."""
    return Running(*arguments, conditions=conditions).ended(seconds)


def assert_survived(ended: Ended) -> None:
    """The promise: done, or refused with one message and the contract's exit code."""
    what = f"memr {' '.join(ended.arguments)}\nexit {ended.code}\n{ended.stderr[-3000:]}"
    assert ended.code == 0 or ended.code in REFUSALS, what
    assert "Traceback" not in ended.stderr, what
    assert "Error:" not in ended.stderr or ended.code == 2, what  # an exception's name
    errors = re.findall(r"^memr: error: .*", ended.stderr, re.M)
    assert len(errors) == (ended.code not in (0, 2)) or ended.code in (2, 4), what
    assert all(line.isprintable() for line in errors), what
    assert ended.lines or ended.code != 0, what


def survives(*arguments: str | Path) -> Ended:
    """Run `memr` and assert that it survived."""
    ended = run(*arguments)
    assert_survived(ended)
    return ended


@atexit.register
def _leave_count() -> None:
    """Add how many runs this process made to the folder that a hunt names, if there is one."""
    folder = os.environ.get("FUZZ_COUNTS")
    if folder and tried:
        Path(folder, f"{os.getpid()}.txt").write_text(f"{tried}\n", encoding="ascii")


@contextmanager
def nothing_else_changed(folder: Path, *free: Path) -> Iterator[None]:
    """Assert that within `folder`, only what is below the paths `free` comes, goes or changes."""
    before = _state(folder, free)
    yield
    assert _state(folder, free) == before


def _state(folder: Path, free: Sequence[Path]) -> dict[str, tuple[int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if any(path == place or place in path.parents for place in free):
            continue
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, content)
    return found


@cache
def _loaded() -> Callable[[], None]:
    """The program, with all that it may import: that takes longer than most runs."""
    for module in pkgutil.walk_packages(memr_cli.__path__, "memr_cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return app.main


def _become(main: Any, words: Sequence[str], out: int, err: int, conditions: Conditions) -> None:
    """Turn this fork into a run of memr; never returns."""
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        memory = _address_space() + conditions.megabytes * 2**20
        limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CORE: 0, **conditions.limits}
        if conditions.folder is not None:
            os.chdir(conditions.folder)
        if conditions.user is not None:
            os.setgroups([])
            os.setgid(conditions.user)
            os.setuid(conditions.user)
        for which, limit in limits.items():
            resource.setrlimit(which, (limit, limit))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        leave_on_interrupt()
        sys.argv = ["memr", *words]
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _wait(child: int, deadline: float) -> int:
    """The exit code of a process, or minus the signal that ended it; killed at the deadline."""
    descriptor = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(status)


def _address_space() -> int:
    """Bytes of address space that this process has mapped."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _content(file: Any) -> str:
    # The fork writes at the place that both share, so this one must not move it.
    size = os.fstat(file.fileno()).st_size
    return os.pread(file.fileno(), size, 0).decode("utf-8", "backslashreplace")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
