"""Kill memr at random moments, again and again, and see that nothing was lost: `make kills`.

Each round begins with the files of an earlier run that used other settings. The command is killed
at a random moment, by SIGKILL, or with `--interrupt` by what Ctrl-C sends, upon which it has to
exit with 130 by itself, soon, and leave nothing half written. Every file that has a final name must
then be what it was before or what an undisturbed run makes, byte for byte. The command runs again:
it must finish, leave just what an undisturbed run leaves, and none of the half-written files of the
one that was killed.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sandbox

from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.progress import silent
from store.check import check
from store.reader import Store

CORPUS = SyntheticSettings(
    utterances=120, frames=3, visual_dim=6, acoustic_dim=4, lexical_dim=5, missing=0.0, seed=1
)
QUICK = ("--epochs", "2", "--quiet")
INGEST = ("ingest", "raw", "--quiet")

Content = dict[str, object]
"""What a folder holds, by path: bytes, or the fingerprint of a store."""


@dataclass(frozen=True)
class Race:
    """A command to kill: what was run before it, and the command."""

    name: str
    before: Sequence[Sequence[str]]
    command: Sequence[str]


RACES = (
    Race("ingest", [(*INGEST, "--pooling", "max")], (*INGEST, "--overwrite", "--sequences")),
    Race(
        "train",
        [INGEST, ("train", "--epochs", "1", "--quiet")],
        ("train", *QUICK),
    ),
    Race(
        "evaluate",
        [INGEST, ("evaluate", "--epochs", "1", "--quiet")],
        ("evaluate", *QUICK),
    ),
    Race(
        "report",  # of few methods, since drawing takes far longer than all else
        [INGEST, ("evaluate", "--method", "lexical", "--epochs", "1", "--quiet"),
         ("report", "--quiet"), ("evaluate", "--method", "early", "--protocol", "session", *QUICK)],
        ("report", "--quiet"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Ran:
    """How the rounds of one race went.

    unfinished: those that were killed before they had ended. leftovers: those that left something
    half written. slowest: seconds from the signal to the end, at most.
    """

    rounds: int
    unfinished: int
    leftovers: int
    slowest: float
    seconds: float


def race(
    one: Race,
    rounds: int,
    seed: int,
    folder: Path,
    told: Callable[[str], None],
    sent: signal.Signals = signal.SIGKILL,
) -> Ran:
    """Run the rounds of a race in `folder`. Raises AssertionError where something was lost."""
    base, done, work = (folder / name for name in ("base", "done", "work"))
    base.mkdir(parents=True)
    write_corpus(base / "raw", CORPUS, silent)
    for arguments in one.before:
        _finish(base, arguments)
    shutil.copytree(base, done)
    started = time.monotonic()
    _finish(done, one.command)
    undisturbed = time.monotonic() - started
    before, after = content(base), content(done)
    assert before != after, f"{one.name} changes nothing"
    chance, unfinished, leftovers, slowest = random.Random(seed), 0, 0, 0.0  # noqa: S311
    expected = -signal.SIGKILL if sent is signal.SIGKILL else 130
    started = time.monotonic()
    for number in range(rounds):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(base, work)
        moment = chance.uniform(0, undisturbed)
        running = sandbox.Running(*one.command, conditions=sandbox.Conditions(folder=work))
        time.sleep(moment)
        os.kill(running.process, sent)  # not waited for yet, so it is still there
        ended = running.ended()
        what = f"{one.name}, seed {seed}, round {number}, killed after {moment:.3f} s"
        assert ended.code in (0, expected), f"{what}: {ended.code} {ended.stderr}"
        unfinished += ended.code == expected
        leftovers += bool(halves(work))
        slowest = max(slowest, ended.seconds - moment)
        assert sent is signal.SIGKILL or not halves(work), f"{what}: left {halves(work)}"
        for path, found in content(work).items():
            old_or_new = found in (before.get(path), after.get(path))
            assert old_or_new, f"{what}: {path} is neither what it was nor what it was to be"
        missing = before.keys() & after.keys() - content(work).keys()
        assert not missing, f"{what}: {sorted(missing)} are gone"
        _finish(work, one.command)
        assert content(work) == after, f"{what}: the next run ended differently"
        assert not halves(work), f"{what}: the next run left {halves(work)}"
        if number % 20 == 19:
            told(f"{one.name}: {number + 1} rounds")
    return Ran(rounds, unfinished, leftovers, slowest, time.monotonic() - started)


def content(folder: Path) -> Content:
    """What files of final names hold, below `folder`, the raw corpus left out.

    A store says when it was made: its fingerprint stands for it, and it has to be sound.
    """
    found: Content = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.startswith("raw/") or path in halves(folder):
            continue
        if path.suffix == ".h5":
            assert check(path) == [], f"{path} is damaged"
            with Store.open(path) as store:
                found[name] = store.fingerprint
        else:
            found[name] = path.read_bytes()
    return found


def halves(folder: Path) -> list[Path]:
    """The temporary files and locks of a run."""
    return [path for path in sorted(folder.rglob(".*")) if path.suffix in (".tmp", ".lock")]


def _finish(folder: Path, arguments: Sequence[str]) -> None:
    ended = sandbox.run(*arguments, conditions=sandbox.Conditions(folder=folder))
    assert ended.code == 0, f"memr {' '.join(arguments)} ended with {ended.code}: {ended.stderr}"


def main() -> None:
    """Run the rounds that were asked for and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--interrupt", action="store_true")
    parser.add_argument("--only", default=" ".join(one.name for one in RACES))
    asked = parser.parse_args()
    for one in RACES:
        if one.name not in asked.only.split():
            continue
        with tempfile.TemporaryDirectory() as folder:
            sent = signal.SIGINT if asked.interrupt else signal.SIGKILL
            ran = race(one, asked.rounds, asked.seed, Path(folder), _tell, sent)
        _tell(
            f"{one.name}: {ran.rounds} rounds survived, {ran.unfinished} of them killed before the "
            f"end, {ran.leftovers} with half-written files left, ended at most {ran.slowest:.2f} s "
            f"after the signal; {ran.seconds:.0f} s"
        )


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
