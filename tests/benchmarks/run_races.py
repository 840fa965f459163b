"""Time memr beside plain programs that do the same work. `make bench` runs this.

Writes bench.json with every figure of every round, and bench.md for people. Works on the default
synthetic corpus, which has the size of the published experiment. Programs run one after another;
nothing is set about threads on either side.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from race_tables import as_json, as_markdown
from races import Contender, Outcome, Race, run_race

HERE = Path(__file__).parent
PYTHON = sys.executable
MEMR = str(Path(PYTHON).parent / "memr")
DATA, PAGE = "bench.json", "bench.md"
PACKAGES = ("memr", "torch", "numpy", "h5py", "scikit-learn", "typer")


def start_up(runs: int) -> Race:
    """What every command costs before it does anything."""
    return Race(
        name="start-up",
        what="memr --help, against the import of its command-line library",
        contenders=(
            Contender("memr --help", (MEMR, "--help")),
            Contender("import typer", (PYTHON, "-c", "import typer")),
        ),
        ratios=(("memr --help", "import typer"),),
        rounds=2 * runs,
    )


def reused(runs: int, work: Path) -> Race:
    """An evaluation of all methods that is there already, read and vouched for."""
    place = ("--store", str(work / "memr.h5"), "--out", str(work / "reused"))
    command = (MEMR, "evaluate", "--method", "all", "--epochs", "2", *place)
    subprocess.run(command, check=True, capture_output=True)
    return Race(
        name="reused",
        what="memr evaluate of five methods that are fresh, against the imports it cannot avoid",
        contenders=(
            Contender("memr evaluate, reused", command),
            Contender("import numpy, h5py", (PYTHON, "-c", "import numpy, h5py")),
        ),
        ratios=(("memr evaluate, reused", "import numpy, h5py"),),
        rounds=2 * runs,
    )


def ingest(runs: int, work: Path) -> Race:
    """From feature files to a store; the plain loop keeps nothing."""
    store = work / "ingested.h5"
    raw = str(work / "raw")
    return Race(
        name="ingest",
        what="memr ingest of the synthetic corpus, against numpy.load and mean over its files",
        contenders=(
            Contender("memr ingest", (MEMR, "ingest", raw, "--store", str(store)), (store,)),
            Contender("load and mean", (PYTHON, str(HERE / "plain_ingest.py"), raw)),
        ),
        ratios=(("memr ingest", "load and mean"),),
        rounds=runs,
    )


def evaluate(runs: int, work: Path, epochs: int) -> Race:
    """The table of five methods, from a store; the longest race, so half as many rounds."""
    store, out = work / "memr.h5", work / "evaluated"
    memr = (MEMR, "evaluate", "--store", str(store), "--out", str(out), "--epochs", str(epochs))
    plain = (PYTHON, str(HERE / "plain_loop.py"), str(store), "--epochs", str(epochs))
    return Race(
        name="evaluate",
        what="five methods over five folds, against a DataLoader loop (plain_loop.py)",
        contenders=(
            Contender("memr, preset original", (*memr, "--preset", "original"), (out,)),
            Contender("memr, preset default", memr, (out,)),
            Contender("plain loop", (*plain, "--late", "retrain")),
            Contender("plain loop, voters reused", (*plain, "--late", "reuse")),
        ),
        ratios=(
            ("memr, preset original", "plain loop"),
            ("memr, preset original", "plain loop, voters reused"),
            ("memr, preset default", "plain loop"),
        ),
        rounds=(runs + 1) // 2,
        warm_ups=0,
    )


RACES = ("start-up", "reused", "ingest", "evaluate")


def chosen(only: str) -> tuple[str, ...]:
    """The races named in `only`, separated by commas or spaces, in order; all for none.

    Raises ValueError for another name.
    """
    names = only.replace(",", " ").split()
    for name in names:
        if name not in RACES:
            raise ValueError(f"there is no race {name}; ONLY takes {', '.join(RACES)}")
    return tuple(name for name in RACES if name in names) or RACES


def race(name: str, runs: int, epochs: int, work: Path) -> Race:
    """The race of a name; prepares what it needs in `work`."""
    match name:
        case "start-up":
            return start_up(runs)
        case "reused":
            return reused(runs, work)
        case "ingest":
            return ingest(runs, work)
        case _:
            return evaluate(runs, work, epochs)


def prepare(work: Path) -> None:
    """Make the synthetic corpus and its store."""
    raw, store = str(work / "raw"), str(work / "memr.h5")
    for command in ((MEMR, "synth", raw), (MEMR, "ingest", raw, "--store", store)):
        subprocess.run(command, check=True, capture_output=True)


def machine() -> dict[str, str]:
    """What figures depend on."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    return {
        "system": platform.platform(terse=True),
        "processors": str(os.cpu_count()),
        "python": platform.python_version(),
        "packages": versions,
    }


def write(out: Path, outcomes: list[Outcome], settings: Mapping[str, Any]) -> None:
    """Leave what is known so far in `out`; the longest race comes last."""
    content = json.dumps(as_json(outcomes, machine(), settings), indent=1, allow_nan=False)
    (out / DATA).write_text(content + "\n")
    (out / PAGE).write_text(as_markdown(outcomes, machine(), settings))


def tell(text: str) -> None:
    """Say how far it has come."""
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="rounds of the ingest race")
    parser.add_argument("--epochs", type=int, default=50, help="epochs of the evaluate race")
    parser.add_argument("--only", default="", help=f"races to run, of {', '.join(RACES)}")
    parser.add_argument("--out", type=Path, default=Path("bench"))
    asked = parser.parse_args()
    if asked.runs < 1 or asked.epochs < 1:
        parser.error("RUNS and EPOCHS are numbers from 1 up")
    try:
        names = chosen(asked.only)
    except ValueError as error:
        parser.error(str(error))
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {"runs": asked.runs, "epochs": asked.epochs, "corpus": "memr synth, default size"}
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="work-", dir=asked.out) as folder:
        prepare(Path(folder))
        for name in names:
            current = race(name, asked.runs, asked.epochs, Path(folder))
            outcomes.append(run_race(current, tell))
            write(asked.out, outcomes, settings)
    print((asked.out / PAGE).read_text())
    tell(f"These figures are in {asked.out / PAGE}, those of every round in {asked.out / DATA}.")


if __name__ == "__main__":
    main()
