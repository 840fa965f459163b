"""Flip every bit of small stores, one at a time: each flip is reported, or changes nothing seen.

    python tests/hostile/flip_bits.py [--every N] [--cuts]

A flip that `memr check` does not report has to leave every value, name and attribute that a reader
sees as it was. What crashes, hangs or takes much memory fails, and its bit is named. With --cuts,
the file is cut to each shorter length instead, all of which have to be reported. Ends with 1 where
anything fails.
"""

# ruff: noqa: T201 - a program, whose output is read

import argparse
import os
import resource
import select
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import h5py
from tiny_stores import is_reported, quick_folder, seen, write_tiny

REPORTED, UNCHANGED, UNNOTICED, CRASHED, HUNG = (
    "reported",
    "unchanged",
    "unnoticed",
    "crashed",
    "hung",
)
FAILED = (UNNOTICED, CRASHED, HUNG)

SECONDS = 20
"""One check of a few kilobytes that takes longer hangs."""

MEMORY = 512 * 2**20
"""How many bytes more than this program a check may ask for."""

SHARE = 500
"""How many cases one fork tries."""

_TOLD = struct.Struct("<IB")
_CODES = (REPORTED, UNCHANGED, UNNOTICED, CRASHED)

Change = Callable[[bytes, int], bytes]


def flipped(whole: bytes, bit: int) -> bytes:
    """The file with one bit flipped."""
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def cut(whole: bytes, length: int) -> bytes:
    """The first `length` bytes of the file."""
    return whole[:length]


def outcomes(whole: bytes, cases: Sequence[int], change: Change) -> Iterator[tuple[int, str]]:
    """What becomes of the file with each of these changes, tried in forks of this process."""
    todo = list(cases)
    while todo:
        done, ended = 0, CRASHED
        for case, outcome in _batch(whole, todo, change):
            if outcome == HUNG:
                ended = HUNG
                break
            yield case, outcome
            done += 1
        if done < len(todo):  # the fork ended early: what it was at did that
            yield todo[done], ended
            done += 1
        todo = todo[done:]


def _batch(whole: bytes, cases: Sequence[int], change: Change) -> Iterator[tuple[int, str]]:
    """Outcomes of one fork, as far as it comes; ends with (-1, HUNG) where it takes too long."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - the fork does not report what it covers
        os.close(receive)
        _become(whole, cases, change, send)
    os.close(send)
    try:
        while select.select([receive], [], [], SECONDS)[0]:
            told = os.read(receive, _TOLD.size)
            if not told:
                return
            case, code = _TOLD.unpack(told)
            yield case, _CODES[code]
        yield -1, HUNG
    finally:
        os.close(receive)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _become(whole: bytes, cases: Sequence[int], change: Change, send: int) -> None:
    """Turn this fork into one that tries the cases in turn; never returns."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
            path = Path(folder) / "memr.h5"
            path.write_bytes(whole)
            original = seen(path)
            for case in cases:
                path.write_bytes(change(whole, case))
                os.write(send, _TOLD.pack(case, _CODES.index(_outcome(path, original))))
    finally:
        os._exit(0)


def _outcome(path: Path, original: str) -> str:
    try:
        if is_reported(path):
            outcome = REPORTED
        else:
            outcome = UNCHANGED if seen(path) == original else UNNOTICED
    except Exception:
        return CRASHED
    left_open = h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE)
    return CRASHED if left_open else outcome


def try_all(name: str, whole: bytes, cases: Sequence[int], change: Change) -> list[tuple[int, str]]:
    """Try all cases on all processors, showing how far it is; prints counts, returns failures."""
    began, counts, failures = time.monotonic(), Counter[str](), []
    shares = [cases[start : start + SHARE] for start in range(0, len(cases), SHARE)]
    with get_context("fork").Pool(os.cpu_count()) as pool:
        for share in pool.imap_unordered(partial(_share, whole, change), shares):
            counts.update(outcome for _, outcome in share)
            failures += [(case, outcome) for case, outcome in share if outcome in FAILED]
            took = time.monotonic() - began
            left = took / counts.total() * (len(cases) - counts.total())
            shown = f"\r{name}: {counts.total()} of {len(cases)}, {left:.0f} s left "
            print(shown, end="", file=sys.stderr)
    print(file=sys.stderr)
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(
        f"{name}: {len(whole)} bytes, {len(cases)} tried: {told}; {time.monotonic() - began:.0f} s"
    )
    return failures


def _share(whole: bytes, change: Change, cases: Sequence[int]) -> list[tuple[int, str]]:
    return list(outcomes(whole, cases, change))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--every", type=int, default=1, help="every Nth bit or length only")
    parser.add_argument("--cuts", action="store_true", help="cut the file instead")
    arguments = parser.parse_args()
    bad = 0
    for sequences in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "memr.h5"
            write_tiny(path, sequences)
            whole = path.read_bytes()
        name = "with sequences" if sequences else "without sequences"
        ends = len(whole) if arguments.cuts else 8 * len(whole)
        failures = try_all(
            name, whole, range(0, ends, arguments.every), cut if arguments.cuts else flipped
        )
        for case, outcome in failures:
            where = (
                f"cut to {case} bytes" if arguments.cuts else f"byte {case // 8}, bit {case % 8}"
            )
            print(f"  {where}: {outcome}")
        bad += len(failures)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
