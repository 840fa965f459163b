"""Temperatures for a method's probabilities, from validation rows and models blind to them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from memr_cli.evaluation.calibration import fitted_temperature, with_temperature
from memr_cli.evaluation.protocols import Fold
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.models import Models, selected_arrays
from memr_cli.experiment.predicting import Scored

Temperatures = Mapping[tuple[int, int], float]
"""By fold and seed."""


def tempered(experiment: Experiment, models: Models, scored: Scored) -> tuple[Scored, Temperatures]:
    """Predictions with calibrated probabilities, and the temperatures; decisions stay the same."""
    found: dict[tuple[int, int], float] = {}
    predictions = scored.predictions
    probabilities = predictions.probabilities.copy()
    for fold in scored.folds:
        for seed in experiment.settings.seeds:
            found[fold.index, seed] = _fitted(experiment, models, fold, seed)
            rows = (predictions.fold == fold.index) & (predictions.seed == seed)
            probabilities[rows] = with_temperature(probabilities[rows], found[fold.index, seed])
    calibrated = replace(predictions, probabilities=probabilities)
    return replace(scored, predictions=calibrated), found


def _fitted(experiment: Experiment, models: Models, fold: Fold, seed: int) -> float:
    """The temperature of one fold and seed.

    Raises nothing for few rows: `folds` leave at least one validation row, and what a temperature
    from few rows is worth shows in the calibration error.
    """
    arrays = selected_arrays(models.checkpoint(fold.index, seed).arrays)
    rows = fold.validation
    probabilities = models.method.predict(arrays, experiment.data, models.settings, rows)
    return fitted_temperature(probabilities, experiment.data.columns.label[rows].astype(np.int64))


def listed(temperatures: Temperatures) -> Sequence[dict[str, float]]:
    """Temperatures as the JSON object has them."""
    return [
        {"fold": fold, "seed": seed, "temperature": value}
        for (fold, seed), value in temperatures.items()
    ]
