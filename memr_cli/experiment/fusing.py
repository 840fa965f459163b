"""What combinations learn: fitted on validation rows, from members that did not train on them.

Letters: n rows, M members, C classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.hearing import Opinions, blind_rows, opinions
from memr_cli.experiment.models import Models
from memr_cli.methods.combination import FEWEST_ROWS
from memr_cli.methods.method import CombiningMethod, Decision, Fitted, Method


@dataclass(frozen=True, eq=False)
class Fusion:
    """What a combination learned in one fold with one seed, from n validation rows.

    Nothing, where they were too few.
    """

    fold: int
    seed: int
    n: int
    fitted: Fitted

    def told(self, members: Sequence[str], class_names: Sequence[str]) -> dict[str, Any]:
        """The parameters as JSON: weights by member, classes by name, others as they are."""
        parameters: dict[str, Any] = {name: found.tolist() for name, found in self.fitted.items()}
        if "weights" in parameters:
            parameters["weights"] = dict(zip(members, parameters["weights"], strict=True))
        if "classes" in parameters:
            parameters["classes"] = [class_names[int(code)] for code in parameters["classes"]]
        learned = bool(parameters)
        run = {"fold": self.fold, "seed": self.seed, "n": self.n}
        return {**run, "fitted": learned, "parameters": parameters}


Fusions = Mapping[tuple[int, int], Fusion]
"""By fold and seed; empty for what does not learn."""


def fusions(experiment: Experiment, method: Method, models: Sequence[Models]) -> Fusions:
    """Fit a combination that learns, in every fold and with every seed."""
    if not (isinstance(method, CombiningMethod) and method.learns):
        return {}
    labels = experiment.data.columns.label.astype(np.int64)
    found = {}
    for fold, rows in enumerate(blind_rows(experiment, models)):
        for seed in experiment.settings.seeds:
            heard = opinions(experiment, models, fold, seed, rows, blind=True)
            fitted = method.fit(heard.probabilities, heard.present, labels[rows])
            found[fold, seed] = Fusion(fold, seed, len(rows), fitted)
    return found


def joined(method: Method, heard: Opinions, fusion: Fusion | None) -> Decision:
    """What a method makes of what its members say."""
    if isinstance(method, CombiningMethod):
        fitted = {} if fusion is None else fusion.fitted
        return method.combine(heard.probabilities, heard.present, fitted)
    (single,) = heard.probabilities
    return Decision(single.argmax(axis=1), single, np.zeros(len(single), np.bool_))


def run_probabilities(
    experiment: Experiment,
    method: Method,
    models: Sequence[Models],
    learned: Fusions,
    fold: int,
    run: Sequence[int],
    rows: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(n, C) a method's probabilities for rows that its models are blind to, mean over a run."""
    of_seeds = [
        joined(
            method,
            opinions(experiment, models, fold, seed, rows, blind=True),
            learned.get((fold, seed)),
        ).probabilities
        for seed in run
    ]
    mean: NDArray[np.float64] = np.mean(of_seeds, axis=0)
    return mean


def fusion_notes(learned: Fusions) -> Iterator[str]:
    """Says how often nothing could be learned."""
    nothing = [fusion.n for fusion in learned.values() if not fusion.fitted]
    if nothing:
        yield (
            f"{len(nothing)} of {len(learned)} fits learned nothing, since {min(nothing)} "
            f"validation rows are too few (under {FEWEST_ROWS}) or of one class; members "
            "count alike there"
        )
