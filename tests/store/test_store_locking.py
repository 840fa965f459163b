import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.atomic import remove_leftovers, replacing, write_whole
from store.locks import LockFile, Outcome, beside, remove_free

HOLDS = """
import sys, time
from pathlib import Path
from store.atomic import replacing
from store.locks import LockFile
folder = Path(sys.argv[1])
lock = LockFile(folder / "lock")
lock.acquire()
with replacing(folder / "memr.h5") as temporary:
    temporary.write_bytes(b"half")
    print(temporary, flush=True)
    time.sleep(600)
"""


def writer(folder: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process amid writing `memr.h5`, which also holds `lock`; and what it writes into."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def no_locks(descriptor: int, operation: int) -> None:  # noqa: ARG001 - as fcntl.flock
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def test_what_a_killed_process_left_is_removed_and_what_a_live_one_writes_is_not(
    tmp_path: Path,
) -> None:
    process, half = writer(tmp_path)
    remove_leftovers(tmp_path)
    write_whole(tmp_path / "memr.h5", b"mine")
    assert half.read_bytes() == b"half"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert half.exists()
    write_whole(tmp_path / "other", b"")
    assert {path.name for path in tmp_path.iterdir()} == {"memr.h5", "other", "lock"}


def test_files_of_other_names_are_never_taken_for_leftovers(tmp_path: Path) -> None:
    names = {"memr.h5.123-0123abcd.tmp", ".memr.h5.tmp", ".memr.h5.12-0123ABCD.tmp", ".a.1-0.tmp"}
    for name in names:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".folder.1-01234567.tmp").mkdir()
    os.mkfifo(tmp_path / ".pipe.1-01234567.tmp")
    (tmp_path / "target").write_bytes(b"kept")
    (tmp_path / ".link.1-01234567.tmp").symlink_to(tmp_path / "target")
    write_whole(tmp_path / "new", b"")
    assert names < {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "target").read_bytes() == b"kept"


def test_without_locks_files_are_written_and_no_leftover_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / ".memr.h5.1-01234567.tmp"
    left.write_bytes(b"")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    write_whole(tmp_path / "memr.h5", b"new")
    assert (tmp_path / "memr.h5").read_bytes() == b"new"
    assert left.exists()


def test_a_new_file_that_was_taken_for_a_leftover_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may look between the making of a file and its locking."""
    flock, removed = fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        if not removed:
            (half,) = tmp_path.glob(".*.tmp")
            half.unlink()
            removed.append(half)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with replacing(tmp_path / "memr.h5") as temporary:
        assert removed
        assert temporary not in removed
        temporary.write_bytes(b"new")
    assert (tmp_path / "memr.h5").read_bytes() == b"new"


def test_a_name_as_long_as_a_name_may_be_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 127)
    write_whole(target, b"new")
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_one_holds_a_lock_and_the_file_goes_with_it(tmp_path: Path) -> None:
    one, other = (LockFile(tmp_path / "lock") for _ in range(2))
    assert one.acquire() is Outcome.OURS
    assert other.acquire() is Outcome.THEIRS
    assert other.holder() == f"process {os.getpid()} on {os.uname().nodename}"
    other.release()  # not its own
    assert other.acquire() is Outcome.THEIRS
    one.release()
    assert list(tmp_path.iterdir()) == []
    assert other.acquire() is Outcome.OURS
    other.release()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process, _ = writer(tmp_path)
    lock = LockFile(tmp_path / "lock")
    assert lock.acquire() is Outcome.THEIRS
    assert lock.holder() == f"process {process.pid} on {os.uname().nodename}"
    process.kill()
    process.communicate()
    assert lock.acquire() is Outcome.OURS
    lock.release()


def test_lock_files_that_nobody_holds_are_removed_and_others_are_not(tmp_path: Path) -> None:
    held = LockFile(tmp_path / ".late.lock")
    assert held.acquire() is Outcome.OURS
    (tmp_path / ".early.lock").write_bytes(b"1 gone")
    (tmp_path / ".folder.lock").mkdir()
    remove_free(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".late.lock", ".folder.lock"}
    remove_free(tmp_path / "absent")
    held.release()


def test_a_lock_on_a_file_that_its_holder_removed_meanwhile_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, waiting = (LockFile(tmp_path / "lock") for _ in range(2))
    assert holder.acquire() is Outcome.OURS
    flock = fcntl.flock

    def after_release(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        holder.release()  # between the other's opening the file and its asking for the lock
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", after_release)
    assert waiting.acquire() is Outcome.OURS
    assert waiting.path.exists()
    assert holder.acquire() is Outcome.THEIRS
    waiting.release()


@pytest.mark.parametrize(
    "text", [b"", b"\x1b[31m 1", b"12345678901 host", b"1 h\xc3\xa9", b"x" * 9999]
)
def test_what_a_lock_file_says_is_told_only_where_it_is_as_written(
    tmp_path: Path, text: bytes
) -> None:
    lock = LockFile(tmp_path / "lock")
    lock.path.write_bytes(text)
    assert lock.holder() == "another process"


def test_without_locks_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert LockFile(tmp_path / "lock").acquire() is Outcome.UNSUPPORTED
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_signed_is_a_lock_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int, length: int) -> None:  # noqa: ARG001 - as os.ftruncate
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    one, other = (LockFile(tmp_path / "lock") for _ in range(2))
    with monkeypatch.context() as broken:
        broken.setattr(os, "ftruncate", refuse)
        assert one.acquire() is Outcome.OURS
    assert other.acquire() is Outcome.THEIRS
    one.release()
    assert other.acquire() is Outcome.OURS
    other.release()


def test_what_is_no_plain_file_is_no_lock(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".late.lock")
    lock = LockFile(tmp_path / ".late.lock")
    with pytest.raises(OSError, match="Not a regular file"):
        lock.acquire()
    assert lock.holder() == "another process"
    remove_free(tmp_path)
    assert lock.path.exists()


def test_who_lost_its_lock_file_does_not_remove_that_of_another(tmp_path: Path) -> None:
    first, second, third = (LockFile(tmp_path / "lock") for _ in range(3))
    assert first.acquire() is Outcome.OURS
    first.path.unlink()
    assert second.acquire() is Outcome.OURS
    first.release()
    assert third.acquire() is Outcome.THEIRS
    second.release()


def test_looking_for_dead_locks_makes_none_and_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its holder may remove it after it was listed."""
    gone = tmp_path / ".late.lock"
    monkeypatch.setattr(Path, "glob", lambda *_: [gone])
    remove_free(tmp_path)
    assert not gone.exists()


def test_the_lock_of_a_long_name_has_a_name_of_its_own(tmp_path: Path) -> None:
    long = "\N{LATIN SMALL LETTER E WITH ACUTE}" * 125
    locks = [LockFile(beside(tmp_path / name)) for name in (long + "a", long + "b", "memr.h5")]
    assert [lock.acquire() for lock in locks] == [Outcome.OURS] * 3
    assert locks[2].path.name == ".memr.h5.lock"
    for lock in locks:
        lock.release()
