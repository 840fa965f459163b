"""A system that refuses: disks that fill up, limits, read-only folders. One message, exit 6."""

import importlib
import os
import resource
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kill_rounds
import pytest
import sandbox
from kill_rounds import INGEST, content, halves
from sandbox import Conditions

from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.files import memory
from memr_cli.progress import silent
from store import memory as store_memory

# Loaded under a limit, they would end the process by themselves.
for _module in ("sklearn.linear_model", "sklearn.neighbors", "scipy.stats", "scipy.spatial"):
    importlib.import_module(_module)
# Nobody else may be allowed to read where Python is installed.
importlib.import_module("encodings.utf_8_sig")

COMMANDS = {
    "ingest": (*INGEST, "--overwrite", "--sequences"),
    "train": ("train", "--epochs", "2", "--quiet"),
    "evaluate": ("evaluate", "--epochs", "2", "--quiet"),
    "audit": ("audit", "--quiet"),
    "compare": ("compare", "early", "late", "--quiet"),
    "ablate": ("ablate", "early", "--epochs", "1", "--quiet"),
}
NOBODY = 65534

SIZES = (1_000, 6_000, 30_000) if sandbox.CASES else (6_000,)
MEGABYTES = (25, 45, 90) if sandbox.CASES else (45,)
MORE_FILES = (1, 3, 8, 60) if sandbox.CASES else (1, 60)
"""All of them in a hunt."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was run once."""
    folder = tmp_path_factory.mktemp("base")
    write_corpus(folder / "raw", kill_rounds.CORPUS, silent)
    for arguments in (INGEST, ("evaluate", "--epochs", "1", "--quiet")):
        assert sandbox.run(*arguments, conditions=Conditions(folder)).code == 0
    return folder


def tried(base: Path, work: Path, command: str, conditions: Conditions) -> sandbox.Ended:
    """Run a command on a copy of `base` at `work`, and assert that nothing is lost or half done."""
    if not work.exists():
        shutil.copytree(base, work)
    ended = sandbox.run(*COMMANDS[command], conditions=conditions)
    sandbox.assert_survived(ended)
    assert ended.code in (0, 6), ended.stderr
    assert not halves(work)
    before, after = content(base), content(work)
    if command != "ablate":  # whose models belong to its settings
        assert before.keys() <= after.keys()
    for path in before.keys() & after.keys():
        assert after[path], path
    return ended


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("size", SIZES)
def test_files_that_may_not_grow(base: Path, tmp_path: Path, command: str, size: int) -> None:
    limits = {resource.RLIMIT_FSIZE: size}
    work = tmp_path / "work"
    ended = tried(base, work, command, Conditions(work, limits=limits))
    assert ended.code == 6 or size > 6_000 or command in ("audit", "compare")  # small files
    if ended.code == 6:
        assert "File too large" in ended.stderr


@pytest.mark.parametrize("command", ["ingest", "evaluate"])
def test_a_process_that_may_open_few_files(base: Path, tmp_path: Path, command: str) -> None:
    # The fork has the files of the tests open too.
    there = len(list(Path("/proc/self/fd").iterdir()))
    codes = set()
    for more in MORE_FILES:
        work = tmp_path / str(more)
        limits = {resource.RLIMIT_NOFILE: there + more}
        codes.add(tried(base, work, command, Conditions(work, limits=limits)).code)
    assert 0 in codes


@pytest.mark.parametrize("command", ["ingest", "evaluate"])
def test_memory_that_runs_out(base: Path, tmp_path: Path, command: str) -> None:
    for megabytes in MEGABYTES:
        work = tmp_path / str(megabytes)
        tried(base, work, command, Conditions(work, megabytes=megabytes))


def test_a_matrix_that_memory_cannot_hold_is_refused_before_it_is_made(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_SMALL", 0)
    monkeypatch.setattr(store_memory, "available", lambda: 1000)
    work = tmp_path / "work"
    ended = tried(base, work, "evaluate", Conditions(work))
    assert ended.code == 6
    assert "a matrix of visual, acoustic, lexical features would take 0.0 GiB" in ended.stderr


def test_memory_that_is_there_is_not_refused() -> None:
    assert store_memory.available() > 2**26
    memory.require(2**20, "a small matrix")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
        OSError(12, "Cannot allocate memory"),
    ],
)
def test_what_libraries_say_when_memory_runs_out_is_known(error: Exception) -> None:
    assert memory.ran_out(error)
    later = ValueError("something else")
    later.__cause__ = error
    assert memory.ran_out(later)
    assert not memory.ran_out(ValueError("out of memory"))
    assert not memory.ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("command", ["ingest", "evaluate"])
def test_a_folder_that_may_not_be_written(base: Path, command: str) -> None:
    # Folders of pytest are closed to others.
    for folder in (base, *base.parents):
        if folder.owner() == "root" and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    before = content(base)
    ended = tried(base, base, command, Conditions(base, user=NOBODY))
    assert ended.code == 6
    assert "Permission denied" in ended.stderr
    assert content(base) == before


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 16 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("command", ["ingest", "evaluate"])
def test_a_disk_that_fills_up(base: Path, disk: Path, command: str) -> None:
    work = disk / "work"
    shutil.copytree(base, work, ignore=shutil.ignore_patterns("raw"))
    (work / "raw").symlink_to(base / "raw")
    before = content(base)
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(bytes(free - 40_000))
    ended = tried(base, work, command, Conditions(work))
    assert ended.code == 6
    assert "No space left on device" in ended.stderr
    after = content(work)
    assert {name for name in before if after[name] == before[name]}
    # With space again, the same command finishes.
    (disk / "ballast").unlink()
    assert tried(base, work, command, Conditions(work)).code == 0


@pytest.mark.parametrize("arguments", ["check", "--help"])
def test_an_output_that_takes_nothing(base: Path, arguments: str) -> None:
    """A full disk behind stdout is told; one behind stderr changes no exit code."""
    command = f"{shlex.quote(sys.executable)} -m memr_cli {arguments}"
    if arguments == "check":
        command += f" --store {base}/memr.h5"
    ran = {
        redirected: subprocess.run(
            ["bash", "-c", f"{command} {redirected}"], capture_output=True, text=True, check=False
        )
        for redirected in (">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "2>&-")
    }
    assert [one.returncode for one in ran.values()] == [6, 0, 6, 0]
    (line,) = ran[">/dev/full"].stderr.splitlines()
    assert line.startswith("memr: error: ")
    assert "No space left on device." in line
    assert "memr: " not in ran["2>&-"].stdout  # a message among the results
