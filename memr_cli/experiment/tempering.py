"""Temperatures for a method's probabilities, from validation rows and models blind to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from memr_cli.evaluation.calibration import fitted_temperature, with_temperature
from memr_cli.evaluation.protocols import Fold
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.models import Models, selected_arrays
from memr_cli.experiment.predicting import Scored


@dataclass(frozen=True)
class Temperature:
    """What the probabilities of one fold and seed were tempered with, and n rows it rests on.

    `temperature` is 1 where `fitted` is not: no temperature within bounds was best.
    """

    fold: int
    seed: int
    temperature: float
    n: int
    fitted: bool


def tempered(
    experiment: Experiment, models: Models, scored: Scored
) -> tuple[Scored, Sequence[Temperature]]:
    """Predictions with calibrated probabilities, and the temperatures; decisions stay the same."""
    found = []
    predictions = scored.predictions
    probabilities = predictions.probabilities.copy()
    for seed in experiment.settings.seeds:
        for fold in scored.folds:
            found.append(_fitted(experiment, models, fold, seed))
            rows = (predictions.fold == fold.index) & (predictions.seed == seed)
            probabilities[rows] = with_temperature(probabilities[rows], found[-1].temperature)
    calibrated = replace(predictions, probabilities=probabilities)
    return replace(scored, predictions=calibrated), found


def _fitted(experiment: Experiment, models: Models, fold: Fold, seed: int) -> Temperature:
    """From the validation rows, of which `folds` leave at least one."""
    arrays = selected_arrays(models.checkpoint(fold.index, seed).arrays)
    rows = fold.validation
    probabilities = models.method.predict(arrays, experiment.data, models.settings, rows)
    labels = experiment.data.columns.label[rows].astype(np.int64)
    best = fitted_temperature(probabilities, labels)
    temperature = 1.0 if best is None else best
    return Temperature(fold.index, seed, temperature, len(rows), fitted=best is not None)
