"""What a command costs before it does anything: the shell's side of speed."""

from collections.abc import Iterator
from contextlib import contextmanager

from race_plan import MEMR, PYTHON, Plan
from race_programs import Program, prepare
from races import Race, Ratio, Target


@contextmanager
def start_up(plan: Plan) -> Iterator[Race]:
    """The list of commands."""
    yield Race(
        name="start-up",
        what="`memr --help`, against the import of its command-line library",
        contenders=(
            Program("memr --help", (MEMR, "--help")),
            Program("import typer", (PYTHON, "-c", "import typer")),
        ),
        ratios=(
            Ratio(
                "`memr --help` / `import typer`",
                "memr --help",
                ("import typer",),
                better="lower",
                target=Target(at_most=2.5),
                in_short=True,
            ),
        ),
        rounds=plan.many,
    )


@contextmanager
def reused(plan: Plan) -> Iterator[Race]:
    """An evaluation of all methods that is there already, read and vouched for."""
    place = ("--store", str(plan.store()), "--out", str(plan.folder / "reused"))
    command = plan.evaluate("--method", "all", "--epochs", "2", *place)
    prepare(command)
    yield Race(
        name="reused",
        what="`memr evaluate` of five methods that are fresh, against the imports it needs",
        contenders=(
            Program("memr evaluate, reused", command),
            Program("import numpy, h5py", (PYTHON, "-c", "import numpy, h5py")),
        ),
        ratios=(
            Ratio(
                "reused `memr evaluate --method all` / `import numpy, h5py`",
                "memr evaluate, reused",
                ("import numpy, h5py",),
                better="lower",
                target=Target(at_most=3),
                in_short=True,
            ),
        ),
        rounds=plan.many,
    )
