"""The installed command as a real process: start-up, streams, signals, a terminal."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memr_cli import __version__

MEMR = [sys.executable, "-m", "memr_cli"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MEMR, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )


def test_version_and_completion_work() -> None:
    assert run("--version").stdout == f"memr {__version__}\n"
    environment = {**os.environ, "_MEMR_COMPLETE": "complete_bash", "COMP_WORDS": "memr ev",
                   "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "memr ev"}  # fmt: skip
    script = Path(sys.executable).with_name("memr")
    completed = subprocess.run(
        [script], capture_output=True, text=True, check=False, env=environment
    )
    assert completed.stdout.split() == ["evaluate"]


def test_a_terminal_gets_a_table_and_json_only_if_asked(small_store: Path) -> None:
    def on_terminal(*more: str) -> str:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*MEMR, "info", "--store", str(small_store), "-q", *more],
            stdout=theirs,
            env={**os.environ, "COLUMNS": "100"},
        )
        assert process.wait(60) == 0
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so at the end of a terminal's output
                break
            if not part:
                break
            seen += part
        os.close(ours)
        return seen.decode()

    table = on_terminal()
    assert re.search(r"acoustic\s+8 dims", table)
    assert "{" not in table
    assert json.loads(on_terminal("--json"))["modalities"]["acoustic"]["dim"] == 8


def test_a_reader_that_stops_early_ends_memr_quietly(small_store: Path) -> None:
    arguments = ["evaluate", "--store", str(small_store), "--epochs", "1", "-q"]
    command = shlex.join([*MEMR, *arguments])
    ran = subprocess.run(
        ["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout)["method"] == "visual"
    assert ran.stderr == ""


def test_ctrl_c_exits_with_130_and_leaves_nothing_half_written(small_store: Path) -> None:
    arguments = ["evaluate", "--store", str(small_store), "--preset", "original", "--seeds", "20"]
    begun = small_store.parent / "checkpoints" / "speaker" / ".visual.lock"
    process = subprocess.Popen([*MEMR, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not begun.exists():
        time.sleep(0.01)
        assert process.poll() is None, "it ended before it could be interrupted"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in errors
    assert b"Traceback" not in errors
    left = [path.name for path in small_store.parent.rglob("*") if path.name.startswith(".")]
    assert left == []


AT_ONCE = "os.kill(os.getpid(), signal.SIGINT)"
IN_EXECUTED_TEXT = "exec('os.kill(os.getpid(), signal.SIGINT)')"


def interrupted_at(
    module: str, how: str, folder: Path, *arguments: str, first: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run memr and interrupt it where it begins to load a module."""
    customised = (
        "import os, signal, sys\n"
        f"{first}\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}:\n"
        f"            {how}\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    (folder / "sitecustomize.py").write_text(customised)
    searched = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [*MEMR, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(searched)},
    )


@pytest.mark.parametrize(
    ("module", "how"),
    [
        ("typer", AT_ONCE),
        ("memr_cli.commands.ingest", AT_ONCE),
        ("memr_cli.experiment.experiment", AT_ONCE),
        ("numpy", IN_EXECUTED_TEXT),
        ("h5py", AT_ONCE),
        ("memr_cli.methods.early", AT_ONCE),
    ],
)
def test_ctrl_c_while_memr_is_still_loading_exits_with_130_and_no_traceback(
    small_store: Path, tmp_path: Path, module: str, how: str
) -> None:
    ran = interrupted_at(module, how, tmp_path, "evaluate", "--store", str(small_store))
    assert (ran.returncode, ran.stdout) == (130, ""), ran.stderr
    assert ran.stderr.startswith("memr: error: interrupted")
    assert len(ran.stderr.splitlines()) == 1


def test_a_job_started_with_interrupts_ignored_goes_on_ignoring_them(tmp_path: Path) -> None:
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    ran = interrupted_at("typer", AT_ONCE, tmp_path, "--version", first=ignored)
    assert (ran.returncode, ran.stdout) == (0, f"memr {__version__}\n")
