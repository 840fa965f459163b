"""How time and memory grow with the corpus, at the published experiment's dims."""

from collections.abc import Iterator
from contextlib import contextmanager

from measure_trainer import BATCH, CLASSES, MODELS
from race_plan import HERE, PYTHON, Plan
from race_programs import Program, prepare
from race_workers import Question, Worker
from races import NO_TARGET, Race, Ratio, Target

PEAK = 3 * 10**9
"""Bytes that evaluating 100,000 utterances may take."""

FULL_SIZE = 100_000
FLOAT = 4


@contextmanager
def growth(plan: Plan) -> Iterator[Race]:
    """Time of early fusion an utterance and epoch, five folds together, within one process."""
    dim = sum(plan.dims.values())
    names = {n: f"{n:,} utterances" for n in plan.growth}
    first, *others = names
    with Worker("trainer_worker.py", plan.device) as worker:
        yield Race(
            name="growth",
            what=(
                f"training of early fusion, preset original, {MODELS} folds together, {dim} dims: "
                "time an utterance and epoch, set-up aside"
            ),
            contenders=tuple(
                Question(
                    name,
                    worker,
                    {
                        "method": "early",
                        "dim": dim,
                        "classes": CLASSES,
                        "models": MODELS,
                        "batch": BATCH,
                        "utterances": n,
                        "rows": n * (MODELS - 1) // MODELS,
                        # About as many steps for few utterances as for many.
                        "epochs": max(1, plan.growth[-1] * 2 // 5 // n),
                    },
                    "utterance",
                    n,
                )
                for n, name in names.items()
            ),
            ratios=tuple(
                Ratio(
                    f"time an utterance and epoch: {names[n]} / {names[first]}",
                    names[n],
                    (names[first],),
                    better="flat",
                    figure="utterance",
                    target=Target(0.8, 1.2),
                    in_short=n == others[-1],
                )
                for n in others
            ),
            rounds=plan.few,
            warm_ups=0,
        )


@contextmanager
def memory(plan: Plan) -> Iterator[Race]:
    """The peak of a whole evaluation. Once is enough: it hardly differs from run to run."""
    stores = {n: plan.folder / f"large-{n}.h5" for n in plan.growth}
    dims = [f"{name}={dim}" for name, dim in plan.dims.items()]
    out = plan.folder / "large"
    matrix = FLOAT * sum(plan.dims.values())
    try:
        for n, store in stores.items():
            prepare((PYTHON, str(HERE / "large_store.py"), str(store), str(n), *dims))
        what = ("--method", "early", "--epochs", "2", "--out", str(out))
        yield Race(
            name="memory",
            what="peak memory of `memr evaluate --method early --epochs 2`, the whole process",
            contenders=tuple(
                Program(f"{n:,} utterances", plan.evaluate("--store", str(store), *what), (out,))
                for n, store in stores.items()
            ),
            ratios=tuple(
                Ratio(
                    f"peak memory of evaluate / feature matrix, {n:,} utterances "
                    f"({n * matrix / 1e9:.2f} GB)",
                    f"{n:,} utterances",
                    (),
                    better="lower",
                    figure="peak",
                    unit=n * matrix,
                    target=(
                        Target(at_most=round(PEAK / (n * matrix), 2))
                        if n == FULL_SIZE
                        else NO_TARGET
                    ),
                    in_short=n == plan.growth[-1],
                )
                for n in plan.growth
            ),
            rounds=1,
            warm_ups=0,
        )
    finally:
        for store in stores.values():
            store.unlink(missing_ok=True)
