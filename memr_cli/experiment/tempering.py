"""Temperatures for a method's probabilities, from validation rows and models blind to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.calibration import fitted_temperature, with_temperature
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.fusing import Fusions, run_probabilities
from memr_cli.experiment.hearing import blind_rows
from memr_cli.experiment.models import Models
from memr_cli.experiment.predicting import Scored
from memr_cli.methods.method import Method


@dataclass(frozen=True)
class Temperature:
    """What the probabilities of one fold and run were tempered with, and n rows it rests on.

    seed: the first of the run. `temperature` is 1 where `fitted` is not: no temperature within
    bounds was best.
    """

    fold: int
    seed: int
    temperature: float
    n: int
    fitted: bool


def tempered(
    experiment: Experiment,
    method: Method,
    models: Sequence[Models],
    learned: Fusions,
    scored: Scored,
) -> tuple[Scored, Sequence[Temperature]]:
    """Predictions with calibrated probabilities, and the temperatures; decisions stay the same.

    A temperature is for what was averaged over the seeds of a run. That of a combination is fitted
    on the rows that the combination was fitted on too: its parameters are few.
    """
    found = []
    predictions = scored.predictions
    probabilities = predictions.probabilities.copy()
    by_fold = blind_rows(experiment, models)
    for run in experiment.runs(method):
        for fold, blind in enumerate(by_fold):
            heard = run_probabilities(experiment, method, models, learned, fold, run, blind)
            found.append(_fitted(experiment, fold, run[0], blind, heard))
            rows = (predictions.fold == fold) & (predictions.seed == run[0])
            probabilities[rows] = with_temperature(probabilities[rows], found[-1].temperature)
    calibrated = replace(predictions, probabilities=probabilities)
    return replace(scored, predictions=calibrated), found


def _fitted(
    experiment: Experiment,
    fold: int,
    seed: int,
    rows: NDArray[np.int64],
    probabilities: NDArray[np.float64],
) -> Temperature:
    labels = experiment.data.columns.label[rows].astype(np.int64)
    best = fitted_temperature(probabilities, labels) if rows.size else None
    temperature = 1.0 if best is None else best
    return Temperature(fold, seed, temperature, len(rows), fitted=best is not None)
