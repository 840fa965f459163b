"""The results table: five methods over five folds, from a store that is there already."""

from collections.abc import Iterator
from contextlib import contextmanager

from race_plan import HERE, PYTHON, Plan
from race_programs import Program
from races import NO_TARGET, Race, Ratio, Target

ORIGINAL, DEFAULT = "memr, original", "memr, default"
PLAIN, REUSED = "plain loop", "plain loop, voters reused"


@contextmanager
def table(plan: Plan) -> Iterator[Race]:
    """Both presets, and the default with many seeds, against a DataLoader loop run once."""
    count = str(plan.seeds[-1])
    many = f"{DEFAULT}, {count} seeds"
    yield Race(
        name="table",
        what=(
            "five methods over five folds, against a DataLoader loop (plain_loop.py); "
            "preset original does the loop's work"
        ),
        contenders=(
            _memr(plan, ORIGINAL, "--preset", "original"),
            Program(PLAIN, _plain(plan, "retrain")),
            _memr(plan, DEFAULT),
            Program(REUSED, _plain(plan, "reuse")),
            _memr(plan, many, "--seeds", count),
        ),
        ratios=(
            _faster("plain loop / preset original", PLAIN, ORIGINAL, Target(at_least=4)),
            _faster("plain loop that reuses its voters / preset original", REUSED, ORIGINAL),
            _faster("plain loop / preset default", PLAIN, DEFAULT, Target(at_least=10)),
            _faster("plain loop that reuses its voters / preset default", REUSED, DEFAULT),
            _faster(
                f"plain loop / {count} seeds of preset default", PLAIN, many, Target(at_least=1)
            ),
        ),
        rounds=plan.few,
        warm_ups=0,
    )


@contextmanager
def seeds(plan: Plan) -> Iterator[Race]:
    """The default table with more and more seeds."""
    names = {count: "1 seed" if count == 1 else f"{count} seeds" for count in plan.seeds}
    first, *others = names
    yield Race(
        name="seeds",
        what="five methods, preset default, with more and more seeds in one run",
        contenders=tuple(_memr(plan, name, "--seeds", str(count)) for count, name in names.items()),
        ratios=tuple(
            Ratio(
                f"{names[count]} / {names[first]}",
                names[count],
                (names[first],),
                better=f"lower; {count} one by one",
                in_short=count == others[-1],
            )
            for count in others
        ),
        rounds=plan.few,
        warm_ups=0,
    )


def _memr(plan: Plan, name: str, *arguments: str) -> Program:
    out = plan.folder / "evaluated"
    place = ("--store", str(plan.store()), "--out", str(out), "--epochs", str(plan.epochs))
    return Program(name, plan.evaluate(*place, *arguments), (out,))


def _plain(plan: Plan, late: str) -> tuple[str, ...]:
    epochs = ("--epochs", str(plan.epochs))
    return (PYTHON, str(HERE / "plain_loop.py"), str(plan.store()), *epochs, "--late", late)


def _faster(what: str, over: str, under: str, target: Target = NO_TARGET) -> Ratio:
    return Ratio(what, over, (under,), better="higher", target=target, in_short=True)
