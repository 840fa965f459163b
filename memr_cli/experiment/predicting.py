"""What models say about the utterances that they never saw.

Letters: N utterances, n rows of one fold, M members of a vote, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import MethodUnsupportedError
from memr_cli.evaluation.protocols import Fold, restrict
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.models import Models, restricted_folds
from memr_cli.methods.method import CombiningMethod, Decision, Method, TrainedMethod
from memr_cli.results import Predictions


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


def predict(experiment: Experiment, method: Method, models: Sequence[Models]) -> Scored:
    """Predict every test utterance that the method can score, fold by fold and seed by seed."""
    folds = tested_folds(experiment, method)
    parts = [
        (fold, seed, _decide(experiment, method, models, fold, seed))
        for seed in experiment.settings.seeds
        for fold in folds
    ]
    return _collected(experiment, method, folds, parts)


def tested_folds(experiment: Experiment, method: Method) -> list[Fold]:
    """The protocol's folds with the rows that the method can use.

    Raises MethodUnsupportedError where a fold has no test row that it can score.
    """
    if isinstance(method, CombiningMethod):
        usable = method.usable(
            np.stack([_usable(experiment, member) for member in experiment.members(method)]),
            experiment.settings.preset,
        )
        columns, subject = experiment.data.columns, f"method {method.name}"
        folds = [restrict(fold, usable, columns, subject) for fold in experiment.folds]
    else:
        folds = restricted_folds(experiment, method)
    untested = [str(fold.index) for fold in folds if not fold.test.size]
    if untested:
        raise MethodUnsupportedError(
            f"method {method.name} can score no test utterance of fold {', '.join(untested)}, "
            "since what it needs is missing there. Use another method or protocol."
        )
    return folds


def _usable(experiment: Experiment, method: TrainedMethod) -> NDArray[np.bool_]:
    present = {name: experiment.data.present[name] for name in method.modalities(experiment.held)}
    return method.usable(present, experiment.training_settings(method))


def _decide(
    experiment: Experiment, method: Method, models: Sequence[Models], fold: Fold, seed: int
) -> Decision:
    """Decide the test rows of one fold with the models of one seed."""
    present = np.stack(
        [_usable(experiment, member.method)[fold.test] for member in models]
    )  # (M, n)
    n_classes = len(experiment.data.class_names)
    probabilities = np.zeros((len(models), len(fold.test), n_classes))  # (M, n, C)
    for position, member in enumerate(models):
        arrays = member.checkpoint(fold.index, seed).arrays
        rows = fold.test[present[position]]
        if rows.size:
            probabilities[position, present[position]] = member.method.predict(
                arrays, experiment.data, member.settings, rows
            )
    if isinstance(method, CombiningMethod):
        return method.combine(probabilities, present, {})
    (single,) = probabilities
    return Decision(single.argmax(axis=1), single, np.zeros(len(single), np.bool_))


def _collected(
    experiment: Experiment,
    method: Method,
    folds: Sequence[Fold],
    parts: Sequence[tuple[Fold, int, Decision]],
) -> Scored:
    """Join the decisions of all folds and seeds into one table."""
    data = experiment.data
    rows = np.concatenate([fold.test for fold, _, _ in parts])
    sizes = [len(fold.test) for fold, _, _ in parts]
    predictions = Predictions(
        utterances=tuple(data.ids[row] for row in rows),
        speakers=tuple(data.columns.speaker_names[data.columns.speaker[row]] for row in rows),
        fold=np.repeat([fold.index for fold, _, _ in parts], sizes),
        seed=np.repeat([seed for _, seed, _ in parts], sizes),
        true=data.columns.label[rows].astype(np.int64),
        predicted=np.concatenate([decision.predicted for _, _, decision in parts]),
        probabilities=np.concatenate([decision.probabilities for _, _, decision in parts]),
        class_names=data.class_names,
    )
    votes = isinstance(method, CombiningMethod)
    tied = np.concatenate([decision.tied for _, _, decision in parts]) if votes else None
    return Scored(predictions, rows, folds, tied)
