"""From feature files to a store, against programs that read the same files and keep nothing.

Ratios are those of whole processes, and of what each side says of itself by a clock that starts
when its libraries are loaded and stops when its result is there: start-up aside, with nothing
subtracted. For memr that is the `seconds` of its JSON, which takes in listing, reading, checking,
hashing, pooling, writing, syncing to disk and reading back.

Files were read before, in the round that warms up, and come from the system's memory unless it is
short of that. Long sequences are read from disk too, by putting them out of that memory before each
run.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from race_plan import GB, HERE, MEMR, PYTHON, Plan
from race_programs import CAN_CHILL, Program, prepare
from races import NO_TARGET, Race, Ratio, Target


@contextmanager
def ingest(plan: Plan) -> Iterator[Race]:
    """A corpus of the published experiment's size, from a folder and from a zip."""
    contenders: list[Program] = []
    ratios: list[Ratio] = []
    for place, raw in (("folder", plan.raw()), ("zip", plan.archive())):
        ours, pooled, read = (f"{what}, {place}" for what in ("ingest", "load and mean", "read"))
        store = plan.folder / f"ingested-{place}.h5"
        contenders += [
            Program(ours, (MEMR, "ingest", str(raw), "--store", str(store)), (store,)),
            Program(pooled, _plain("pool", raw)),
            Program(read, _plain("read", raw)),
        ]
        mine = f"`memr ingest` of a {place}"
        ratios += [
            _longer(f"{mine} / load and mean, start-up aside", ours, pooled, Target(at_most=1.3)),
            _longer(f"{mine} / load and mean, start to end", ours, pooled, figure="wall"),
            _longer(f"{mine} / reading the bytes, start-up aside", ours, read),
        ]
    yield Race(
        name="ingest",
        what=(
            f"ingest of {plan.utterances} utterances, against numpy.load and mean over the same "
            "files, and against reading their bytes (plain_ingest.py)"
        ),
        contenders=tuple(contenders),
        ratios=tuple(ratios),
        rounds=plan.runs,
    )


@contextmanager
def long(plan: Plan) -> Iterator[Race]:
    """Sequences of hundreds of frames, written for this race and removed after it."""
    raw, store = plan.folder / "long", plan.folder / "long.h5"
    frames, dim = plan.long_shape
    size = (str(plan.long_bytes), str(frames), str(dim))
    contenders: list[Program] = []
    ratios: list[Ratio] = []
    for place, chills in (("memory", ()), ("disk", (raw,)))[: 1 + CAN_CHILL]:
        ours, summed = f"ingest, from {place}", f"load and sum, from {place}"
        contenders += [
            Program(ours, (MEMR, "ingest", str(raw), "--store", str(store)), (store,), chills),
            Program(summed, _plain("sum", raw), (), chills),
        ]
        ratios.append(
            Ratio(
                f"long sequences from {place}: rate of `memr ingest` / rate of load and sum, "
                "start-up aside",
                summed,
                (ours,),
                better="higher",
                figure="inside",
                target=Target(at_least=0.6),
                in_short=True,
            )
        )
    try:
        prepare((PYTHON, str(HERE / "long_sequences.py"), str(raw), *size))
        yield Race(
            name="long",
            what=(
                f"ingest of {plan.long_bytes / GB:g} GB of sequences of some {frames} frames of "
                f"{dim} float32, against the rate at which the same files are loaded and summed"
            ),
            contenders=tuple(contenders),
            ratios=tuple(ratios),
            rounds=plan.runs,
        )
    finally:
        shutil.rmtree(raw, ignore_errors=True)
        store.unlink(missing_ok=True)


def _plain(work: str, raw: Path) -> tuple[str, ...]:
    return (PYTHON, str(HERE / "plain_ingest.py"), work, str(raw))


def _longer(
    what: str, over: str, under: str, target: Target = NO_TARGET, figure: str = "inside"
) -> Ratio:
    promised = target is not NO_TARGET
    return Ratio(what, over, (under,), "lower", figure, target=target, in_short=promised)
