"""A step of the trainer, against the arithmetic that no such step can do without.

The step is that of preset `original` for five stacked models on batches of 32; models, sizes and
steps are the same on both sides. The floor is the faster of two arrangements of the same products:
all models in one batched product on all threads, and models handed out to as many Python threads
with one thread of the library each. On a GPU there is only the first.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from race_plan import Plan
from race_workers import Question, Worker
from races import NO_TARGET, Race, Ratio, Target

MODELS, BATCH, CLASSES = 5, 32, 4
STEPS = 33
"""Batches in an epoch, all of them full: about those of the published experiment's folds."""

EXTRA_EPOCHS = 6


@contextmanager
def trainer(plan: Plan) -> Iterator[Race]:
    """Each unimodal method and early fusion, whose floor is the one that counts."""
    dims = {**plan.dims, "early": sum(plan.dims.values())}
    arrangements = ("stacked",) if plan.device == "cuda" else ("stacked", "divided")
    with (
        Worker("trainer_worker.py", plan.device) as ours,
        Worker("floor_worker.py", "stacked", plan.device) as stacked,
        Worker("floor_worker.py", "divided", "cpu") as divided,
    ):
        floors = {"stacked": stacked, "divided": divided}
        contenders = []
        for method, dim in dims.items():
            task = _task(method, dim)
            contenders += [Question(f"{method}, trainer", ours, task, "step", STEPS)]
            contenders += [
                Question(f"{method}, floor, {name}", floors[name], task, "step", STEPS)
                for name in arrangements
            ]
        yield Race(
            name="trainer",
            what=(
                f"a training step of {MODELS} models on batches of {BATCH}, against its floor: "
                "the matrix products of one step and one fused pass of Adam, alone"
            ),
            contenders=tuple(contenders),
            ratios=tuple(
                Ratio(
                    f"step of the trainer / floor, {method} ({dim} dims)",
                    f"{method}, trainer",
                    tuple(f"{method}, floor, {name}" for name in arrangements),
                    better="lower",
                    figure="step",
                    target=Target(at_most=1.5) if method == "early" else NO_TARGET,
                    in_short=method == "early",
                )
                for method, dim in dims.items()
            ),
            rounds=plan.many,
        )


def _task(method: str, dim: int) -> Mapping[str, Any]:
    """What both sides are asked: seconds an epoch of this."""
    return {
        "method": method,
        "dim": dim,
        "hidden": 256 if method == "early" else 128,
        "classes": CLASSES,
        "models": MODELS,
        "batch": BATCH,
        "utterances": MODELS * STEPS * BATCH // (MODELS - 1),
        "rows": STEPS * BATCH,
        "epochs": EXTRA_EPOCHS,
    }
