"""How probabilities and scores fall out beyond the table: calibration, speakers, sessions.

Letters: n scored rows (one per utterance and seed), K folds, S seeds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.calibration import (
    N_BINS,
    brier,
    expected_calibration_error,
    reliability,
    risk_coverage_area,
)
from memr_cli.evaluation.columns import NONE
from memr_cli.evaluation.metrics import confusion, scores
from memr_cli.experiment.tempering import Temperature
from memr_cli.results.predictions import Predictions

MEASURES = ("brier", "ece", "aurc")
"""Brier score, expected calibration error, area under the risk-coverage curve; lower is better."""

FEW_A_BIN = 50
"""Below this many rows a bin, chance makes up much of the calibration error."""

Rows = NDArray[np.bool_]
Measure = Callable[[Rows], float]


def calibration(
    predictions: Predictions, *, votes: bool, temperatures: Sequence[Temperature] | None
) -> dict[str, Any]:
    """Each of MEASURES, the bins of a reliability diagram, and the temperatures fitted."""
    if votes:
        return {**dict.fromkeys((*MEASURES, "bins")), "temperatures": None}
    right = predictions.predicted == predictions.true
    probabilities, true = predictions.probabilities, predictions.true
    measures: dict[str, Measure] = {
        "brier": lambda rows: brier(probabilities[rows], true[rows]),
        "ece": lambda rows: expected_calibration_error(
            reliability(probabilities[rows], right[rows])
        ),
        "aurc": lambda rows: risk_coverage_area(probabilities[rows], right[rows]),
    }
    return {
        **{name: _over_runs(predictions, measure) for name, measure in measures.items()},
        "bins": [asdict(one) for one in reliability(probabilities, right)],
        "temperatures": None if temperatures is None else [asdict(one) for one in temperatures],
    }


def calibration_notes(found: dict[str, Any], n_smallest: int) -> Iterator[str]:
    """What a reader of `calibration` has to know. n_smallest: rows of the smallest fold."""
    if found["brier"] is None:
        yield "no calibration: shares of votes are no probabilities"
    elif n_smallest < FEW_A_BIN * N_BINS:
        yield (
            f"a fold has as few as {n_smallest} rows in {N_BINS} bins, which keeps the calibration "
            "error of single folds and their mean above 0 by chance; its pooled value is the "
            "better one"
        )
    unfitted = [one for one in found["temperatures"] or () if not one["fitted"]]
    if unfitted:
        yield (
            f"{len(unfitted)} of {len(found['temperatures'])} temperatures are 1, since "
            f"{unfitted[0]['n']} validation rows name none that is best"
        )


def _over_runs(predictions: Predictions, measure: Measure) -> dict[str, Any]:
    """A measure of every run by itself, put together as metrics are."""
    folds, seeds = np.unique(predictions.fold), np.unique(predictions.seed)
    runs = np.array(
        [
            [measure((predictions.seed == seed) & (predictions.fold == fold)) for fold in folds]
            for seed in seeds
        ]
    )  # (S, K)
    by_fold = runs.mean(axis=0)
    return {
        "mean": float(by_fold.mean()),
        "std": float(by_fold.std()),
        "folds": by_fold.tolist(),
        "seeds": runs.mean(axis=1).tolist(),
        "pooled": measure(np.ones(len(predictions.true), np.bool_)),
    }


def by_group(
    predictions: Predictions, group: NDArray[np.integer], names: Sequence[str]
) -> dict[str, dict[str, Any]] | None:
    """`n`, `f1_micro` and `uar` of each group by name, the mean over seeds.

    group: (n,) codes into `names`. None where some row belongs to none.
    """
    if (group == NONE).any():
        return None
    found = {}
    for code in sorted(np.unique(group).tolist(), key=lambda code: names[code]):
        counts = np.array([_counted(predictions, group, code, s) for s in _seeds(predictions)])
        by_seed = scores(counts)
        found[names[code]] = {
            "n": int(counts[0].sum()),
            "f1_micro": float(by_seed["f1_micro"].mean()),
            "uar": float(by_seed["uar"].mean()),
        }
    return found


def _seeds(predictions: Predictions) -> NDArray[np.int64]:
    return np.unique(predictions.seed)


def _counted(
    predictions: Predictions, group: NDArray[np.integer], code: int, seed: int
) -> NDArray[np.int64]:
    rows = (group == code) & (predictions.seed == seed)
    return confusion(
        predictions.true[rows], predictions.predicted[rows], len(predictions.class_names)
    )
