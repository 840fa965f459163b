"""Time memr beside plain programs that do the same work. `make bench` runs this.

Writes bench.json with every figure of every round, and bench.md for people, after each race. Works
on synthetic corpora, by default of the published experiment's size. One thing runs at a time;
nothing is set about threads on either side.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Any

from measure_growth import growth, memory
from measure_ingest import ingest, long
from measure_start_up import reused, start_up
from measure_table import seeds, table
from measure_trainer import trainer
from race_plan import GB, PYTHON, Plan
from race_tables import as_json, as_markdown, in_short
from races import Outcome, Race, run_race

DATA, PAGE = "bench.json", "bench.md"
PACKAGES = ("memr", "torch", "numpy", "h5py", "scikit-learn", "typer")

RACES: dict[str, Callable[[Plan], AbstractContextManager[Race]]] = {
    "start-up": start_up,
    "reused": reused,
    "ingest": ingest,
    "long": long,
    "trainer": trainer,
    "growth": growth,
    "memory": memory,
    "seeds": seeds,
    "table": table,
}
"""In this order, the shortest first. Each prepares what it needs and tidies it away."""

QUIET = 0.5
"""Load of other work, in processors, above which nothing should be quoted."""


def chosen(only: str) -> tuple[str, ...]:
    """The races named in `only`, separated by commas or spaces, in order; all for none.

    Raises ValueError for another name.
    """
    names = only.replace(",", " ").split()
    for name in names:
        if name not in RACES:
            raise ValueError(f"there is no race {name}; ONLY takes {', '.join(RACES)}")
    return tuple(name for name in RACES if name in names) or tuple(RACES)


def machine(device: str) -> dict[str, str]:
    """What figures depend on."""
    found = {
        "system": platform.platform(terse=True),
        "processor": f"{os.cpu_count()} x {_processor()}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
    }
    if device == "cuda":
        ask = "import torch; print(torch.cuda.get_device_name())"
        answer = subprocess.run((PYTHON, "-c", ask), capture_output=True, text=True, check=False)
        found["gpu"] = answer.stdout.strip() or "none found"
    return found


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def write(out: Path, outcomes: Sequence[Outcome], settings: Mapping[str, Any]) -> None:
    """Leave what is known so far in `out`; the longest race comes last."""
    where = machine(settings["device"])
    content = json.dumps(as_json(outcomes, where, settings), indent=1, allow_nan=False)
    (out / DATA).write_text(content + "\n")
    (out / PAGE).write_text(as_markdown(outcomes, where, settings))


def measure(plan: Plan, names: Sequence[str], out: Path) -> tuple[list[Outcome], list[str]]:
    """Run the races of these names; returns what they gave, and the names of those that failed."""
    outcomes: list[Outcome] = []
    failures = []
    settings = {
        "runs": plan.runs,
        "epochs": plan.epochs,
        "device": plan.device,
        "load before": round(os.getloadavg()[0], 2),
        "corpus": f"synthetic, {plan.utterances} utterances, nothing missing",
    }
    for name in names:
        try:
            with RACES[name](plan) as race:
                outcomes.append(run_race(race, tell))
        except RuntimeError as error:
            failures.append(name)
            tell(f"{name} was not measured: {error}")
        write(out, outcomes, settings)
    return outcomes, failures


def tell(text: str) -> None:
    """Say how far it has come."""
    print(text, file=sys.stderr, flush=True)


def parsed() -> tuple[argparse.Namespace, tuple[str, ...]]:
    """What was asked for, and the races."""
    defaults = Plan(Path())
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=defaults.runs, help="rounds of an average race")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="of table and seeds")
    parser.add_argument("--only", default="", help=f"races to run, of {', '.join(RACES)}")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="of memr's side")
    parser.add_argument("--long-gb", type=float, default=defaults.long_bytes / GB)
    parser.add_argument("--out", type=Path, default=Path("bench"))
    asked = parser.parse_args()
    if asked.runs < 1 or asked.epochs < 1:
        parser.error("RUNS and EPOCHS are numbers from 1 up")
    if not asked.long_gb > 0:
        parser.error("LONG_GB is a number above 0")
    try:
        return asked, chosen(asked.only)
    except ValueError as error:
        parser.error(str(error))


def main() -> None:
    """Run as a program."""
    asked, names = parsed()
    asked.out.mkdir(parents=True, exist_ok=True)
    if os.getloadavg()[0] > QUIET:
        tell(
            "Other work is running here, or was a minute ago. Training waits for its slowest "
            "thread, so that slows either side out of proportion: quote nothing of this."
        )
    with tempfile.TemporaryDirectory(prefix="work-", dir=asked.out) as folder:
        plan = Plan(
            folder=Path(folder),
            runs=asked.runs,
            epochs=asked.epochs,
            device=asked.device,
            long_bytes=int(asked.long_gb * GB),
        )
        outcomes, failures = measure(plan, names, asked.out)
    print((asked.out / PAGE).read_text())
    where = machine(asked.device)
    short = in_short(outcomes, command(asked), where.get("gpu", where["processor"]))
    print(f"In short, for a README:\n\n{short}\n")
    tell(f"These figures are in {asked.out / PAGE}, those of every round in {asked.out / DATA}.")
    if failures:
        tell(f"Not measured: {', '.join(failures)}.")
        sys.exit(1)


def command(asked: argparse.Namespace) -> str:
    """What to type for the same again."""
    defaults = Plan(Path())
    long_gb = defaults.long_bytes / GB
    words = [
        f"RUNS={asked.runs}" if asked.runs != defaults.runs else "",
        f"EPOCHS={asked.epochs}" if asked.epochs != defaults.epochs else "",
        f"LONG_GB={asked.long_gb:g}" if asked.long_gb != long_gb else "",
        f"DEVICE={asked.device}" if asked.device != defaults.device else "",
        f"ONLY='{asked.only}'" if asked.only else "",
    ]
    return " ".join(["make bench", *filter(None, words)])


if __name__ == "__main__":
    main()
