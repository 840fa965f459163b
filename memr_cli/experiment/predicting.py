"""What methods say about the utterances that their models never saw.

Letters: N utterances, n rows of one fold, M members of a combination, C classes, G modalities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import MethodUnsupportedError
from memr_cli.evaluation.protocols import Fold, restrict
from memr_cli.experiment.experiment import Experiment, casts_votes
from memr_cli.experiment.fusing import Fusions, joined
from memr_cli.experiment.hearing import opinions
from memr_cli.experiment.models import Models, restricted_folds, usable
from memr_cli.methods.method import CombiningMethod, Decision, Method, WeighingMethod
from memr_cli.results.predictions import Predictions
from memr_cli.vocabulary import Preset


@dataclass(frozen=True, eq=False)
class Scored:
    """Every prediction of a method, and the folds as the method could use them.

    rows: the utterance of each prediction. tied: which were decided by the tie rule, None where
    nothing votes.
    """

    predictions: Predictions
    rows: NDArray[np.int64]
    folds: Sequence[Fold]
    tied: NDArray[np.bool_] | None


@dataclass(frozen=True, eq=False)
class _Part:
    """What one run decided on one fold; weights: (n, G) of a method that weighs modalities."""

    fold: Fold
    seed: int
    decision: Decision
    weights: NDArray[np.float64] | None


def predict(
    experiment: Experiment, method: Method, models: Sequence[Models], learned: Fusions
) -> Scored:
    """Predict every test utterance that the method can score, fold by fold and run by run."""
    folds = tested_folds(experiment, method)
    parts = [
        _Part(
            fold,
            run[0],
            _decided(experiment, method, models, learned, fold, run),
            _weighed(experiment, method, models, fold, run),
        )
        for run in experiment.runs(method)
        for fold in folds
    ]
    return _collected(experiment, method, folds, parts)


def tested_folds(experiment: Experiment, method: Method) -> list[Fold]:
    """The protocol's folds with the rows that the method can use.

    Raises MethodUnsupportedError where a fold has no test row that it can score, or a method that
    learns from validation rows has none.
    """
    refuse_unlearnable(experiment, method)
    if isinstance(method, CombiningMethod):
        able = method.usable(
            np.stack([usable(experiment, member) for member in experiment.members(method)]),
            experiment.settings.preset,
        )
        columns, subject = experiment.data.columns, f"method {method.name}"
        folds = [restrict(fold, able, columns, subject) for fold in experiment.folds]
    else:
        folds = restricted_folds(experiment, method)
    untested = [str(fold.index) for fold in folds if not fold.test.size]
    if untested:
        raise MethodUnsupportedError(
            f"method {method.name} can score no test utterance of fold {', '.join(untested)}, "
            "since what it needs is missing there. Use another method or protocol."
        )
    return folds


def refuse_unlearnable(experiment: Experiment, method: Method) -> None:
    """Raise MethodUnsupportedError for a combination that learns where nothing is held out."""
    learns = isinstance(method, CombiningMethod) and method.learns
    if learns and experiment.settings.preset is Preset.ORIGINAL:
        raise MethodUnsupportedError(
            f"method {method.name} is fitted on validation rows, and --preset original has none. "
            "Use --preset default, or --method late-mean, which learns nothing."
        )


def _decided(
    experiment: Experiment,
    method: Method,
    models: Sequence[Models],
    learned: Fusions,
    fold: Fold,
    run: Sequence[int],
) -> Decision:
    """Decide the test rows of one fold by the mean of the probabilities of a run."""
    decisions = [
        joined(
            method,
            opinions(experiment, models, fold.index, seed, fold.test),
            learned.get((fold.index, seed)),
        )
        for seed in run
    ]
    if len(decisions) == 1:
        return decisions[0]
    mean = np.mean([decision.probabilities for decision in decisions], axis=0)
    return Decision(mean.argmax(axis=1), mean, np.zeros(len(mean), np.bool_))


def _weighed(
    experiment: Experiment,
    method: Method,
    models: Sequence[Models],
    fold: Fold,
    run: Sequence[int],
) -> NDArray[np.float64] | None:
    """(n, G) how a method weighs the modalities of the test rows of a fold, mean over a run."""
    if not isinstance(method, WeighingMethod):
        return None
    (own,) = models
    of_seeds = []
    for seed in run:
        arrays = own.checkpoint(fold.index, seed).arrays
        weights = method.weights(arrays, experiment.data, own.settings, fold.test)
        own.refuse_undefined(weights, fold.index, seed)
        of_seeds.append(weights)
    mean: NDArray[np.float64] = np.mean(of_seeds, axis=0)
    return mean


def _collected(
    experiment: Experiment, method: Method, folds: Sequence[Fold], parts: Sequence[_Part]
) -> Scored:
    """Join the decisions of all folds and runs into one table."""
    data = experiment.data
    rows = np.concatenate([part.fold.test for part in parts])
    sizes = [len(part.fold.test) for part in parts]
    weights = [part.weights for part in parts if part.weights is not None]
    predictions = Predictions(
        utterances=tuple(data.ids[row] for row in rows),
        speakers=tuple(data.columns.speaker_names[data.columns.speaker[row]] for row in rows),
        fold=np.repeat([part.fold.index for part in parts], sizes),
        seed=np.repeat([part.seed for part in parts], sizes),
        true=data.columns.label[rows].astype(np.int64),
        predicted=np.concatenate([part.decision.predicted for part in parts]),
        probabilities=np.concatenate([part.decision.probabilities for part in parts]),
        class_names=data.class_names,
        modalities=tuple(experiment.modalities(method)) if weights else (),
        weights=np.concatenate(weights) if weights else None,
    )
    tied = None
    if casts_votes(method):
        tied = np.concatenate([part.decision.tied for part in parts])
    return Scored(predictions, rows, folds, tied)
