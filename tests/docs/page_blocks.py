"""The fenced blocks of a Markdown page, and a terminal to run them in.

`sh` and `python` blocks are run. A `text` or `json` block shows what the block before it printed. A
block that is neither has a comment above it with the reason: `<!-- not run: … -->`.

sybil would parse the blocks and no more: it runs a single block without those before it, and knows
neither terminals, nor folders that pages share, nor output whose numbers may differ.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COLUMNS = 110
FENCE = re.compile(r"^```(\w*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: .{10,} -->$")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
KEY = re.compile(r'"([^"]+)":')


@dataclass(frozen=True)
class Block:
    """A fenced block: the number of its first line, its language, its text, the line above it."""

    line: int
    language: str
    text: str
    above: str

    @property
    def excused(self) -> bool:
        """Whether a comment says why it is not run."""
        return NOT_RUN.match(self.above) is not None

    @property
    def runs(self) -> bool:
        return self.language in ("sh", "python") and not self.excused

    @property
    def shows_output(self) -> bool:
        return self.language in ("text", "json") and not self.excused


@dataclass(frozen=True)
class Example:
    """A block to run and the blocks that show what it prints."""

    block: Block
    shown: tuple[Block, ...]


@dataclass(frozen=True)
class Finished:
    """How a block ended, and what it printed on each stream."""

    code: int
    out: str
    err: str


def blocks(page: str) -> Iterator[Block]:
    """Every fenced block of a page. Raises ValueError for one that is not closed."""
    inside: list[str] | None = None
    language, start, above, latest = "", 0, "", ""
    for number, line in enumerate(page.splitlines(), start=1):
        fence = FENCE.match(line)
        if inside is not None:
            if line == "```":
                yield Block(start, language, "\n".join(inside) + "\n", above)
                inside, latest = None, ""
            else:
                inside.append(line)
        elif fence:
            inside, language, start, above = [], fence[1], number + 1, latest
        elif line.strip():
            latest = line.strip()
    if inside is not None:
        raise ValueError(f"the block at line {start} is not closed")


def examples(page: str) -> list[Example]:
    """The blocks to run, each with the output shown. Raises ValueError for output of nothing."""
    found: list[Example] = []
    for block in blocks(page):
        if block.runs:
            found.append(Example(block, ()))
        elif block.shows_output:
            if not found:
                raise ValueError(f"line {block.line} shows the output of no block")
            latest = found.pop()
            found.append(Example(latest.block, (*latest.shown, block)))
    return found


class Terminal:
    """Runs blocks in one folder, with stdout a terminal, as somebody who types them has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MEMR_")}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
        # Threads of one process that wait for each other cost minutes where other processes, such
        # as more tests, keep the processors busy.
        threads = {"OMP_NUM_THREADS": "1"}
        screen = {"COLUMNS": str(COLUMNS), "TERM": "xterm"}
        self.environment = {**kept, "PATH": path, **threads, **screen}

    def run(self, block: Block) -> Finished:
        """Run a block to its end or, in a shell, to its first command that fails."""
        program = [sys.executable]
        if block.language == "sh":
            program = ["bash", "-euo", "pipefail"]
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        with tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [*program, "-c", block.text],
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=err,
                cwd=self.folder,
                env=self.environment,
            )
            os.close(theirs)
            out = b"".join(_all_from(ours))
            os.close(ours)
            code = process.wait()
            err.seek(0)
            return Finished(code, _plain(out), _plain(err.read()))


def _all_from(descriptor: int) -> Iterator[bytes]:
    """Until the other side is closed, which Linux reports as an error and others as an end."""
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:
            return
        if not chunk:
            return
        yield chunk


def _plain(output: bytes) -> str:
    return ANSI.sub("", output.decode()).replace("\r\n", "\n")


def untrue(shown: Block, printed: Finished) -> list[str]:
    """What a block shows and the run did not print: keys of JSON, or lines whatever their numbers.

    `…` stands for anything that was left out.
    """
    if shown.language == "json":
        found = set(KEY.findall(printed.out))
        return [key for key in KEY.findall(shown.text) if key not in found]
    lines = [shape(line) for line in (printed.out + printed.err).splitlines()]
    wanted = [line for line in shown.text.splitlines() if line.strip(" …")]
    return [line for line in wanted if not any(_fits(shape(line), real) for real in lines)]


def shape(line: str) -> str:
    """A line without what differs from machine to machine: its numbers and how wide it is set."""
    return " ".join(NUMBER.sub("#", line).split())


def _fits(wanted: str, real: str) -> bool:
    parts = [re.escape(part.strip()) for part in wanted.split("…")]
    return re.fullmatch(".*".join(parts), real) is not None
