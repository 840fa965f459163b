"""The predictions of a trial: members' probabilities, fitted combinations, temperatures.

Letters: N utterances of the store, n rows, M members of a combination (1 for other methods),
C classes, G modalities.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.calibration import fitted_temperature, with_temperature
from memr_cli.evaluation.protocols import Fold
from memr_cli.experiment.models import selected_arrays
from memr_cli.experiment.trial import Trial
from memr_cli.methods.combination import FEWEST_ROWS
from memr_cli.methods.method import Decision, Fitted, WeighingMethod
from memr_cli.results import evaluation as result
from memr_cli.results.predictions import Predictions

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MemberPredictions:
    """Class probabilities (M, n, C) of each member, 0 where it has none; present: (M, n)."""

    probabilities: Floats
    present: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fusion:
    """What a combination learned in one fold with one seed from n validation rows, if anything."""

    fold: int
    seed: int
    n: int
    fitted: Fitted

    def as_result(self, members: Sequence[str], class_names: Sequence[str]) -> result.Fusion:
        """Return it as JSON has it: weights by member, classes by name, others as they are."""
        found = {name: array.tolist() for name, array in self.fitted.items()}
        if "weights" in found:
            found["weights"] = dict(zip(members, found["weights"], strict=True))
        if "classes" in found:
            found["classes"] = [class_names[int(code)] for code in found["classes"]]
        return result.Fusion(
            fold=self.fold, seed=self.seed, n=self.n, fitted=bool(found), parameters=found
        )


Fusions = Mapping[tuple[int, int], Fusion]
"""By fold and seed; empty for methods that do not learn on validation rows."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Every prediction of a trial.

    rows: the utterance of each prediction. tied: those decided by the tie rule, None without votes.
    temperatures: None where probabilities are not calibrated.
    """

    predictions: Predictions
    rows: Rows
    tied: NDArray[np.bool_] | None
    fusions: Fusions
    temperatures: tuple[result.Temperature, ...] | None = None


def predict(trial: Trial) -> Scored:
    """Predict every test utterance that the method can score, fold by fold and run by run.

    Makes the models that are missing. Raises UnsupportedError where a model predicts NaN.
    """
    fusions = fit_fusions(trial)
    parts = [
        _Part(fold, run[0], _decide(trial, fusions, fold, run), _modality_weights(trial, fold, run))
        for run in trial.runs
        for fold in trial.folds
    ]
    scored = _collect(trial, parts, fusions)
    return _calibrate(trial, scored) if trial.is_calibrated else scored


def member_predictions(
    trial: Trial, fold: int, seed: int, rows: Rows, *, before_refit: bool = False
) -> MemberPredictions:
    """Predict `rows` by each member's model of one fold and seed.

    before_refit: by the models that did not train on validation rows. Raises UnsupportedError where
    a prediction is NaN or infinity.
    """
    present = np.stack([member.usable[rows] for member in trial.members])
    probabilities = np.zeros((*present.shape, len(trial.data.class_names)))
    for position, member in enumerate(trial.members):
        able = present[position]
        if able.any():
            arrays = member.models.checkpoint(fold, seed).arrays
            probabilities[position, able] = member.method.predict(
                selected_arrays(arrays) if before_refit else arrays,
                trial.data,
                member.settings,
                rows[able],
            )
            member.models.refuse_undefined(probabilities[position], fold, seed)
    return MemberPredictions(probabilities, present)


def unseen_validation_rows(trial: Trial) -> list[Rows]:
    """Return, for each fold, the validation rows that no member trained on before its refit.

    Members that lack other modalities may have other validation rows: a row that chooses the epoch
    of one member is of no use to fit a combination on if another member trained on it.
    """
    found = []
    for folds in zip(*(member.folds for member in trial.members), strict=True):
        validation = np.unique(np.concatenate([fold.validation for fold in folds]))
        trained_on = np.concatenate([fold.fit for fold in folds])
        found.append(np.setdiff1d(validation, trained_on))
    return found


def fit_fusions(trial: Trial) -> Fusions:
    """Fit a combination that learns, in every fold and with every seed."""
    if trial.combination is None or not trial.learns:
        return {}
    labels = trial.data.columns.label.astype(np.int64)
    found = {}
    for fold, rows in enumerate(unseen_validation_rows(trial)):
        for seed in trial.experiment.settings.seeds:
            said = member_predictions(trial, fold, seed, rows, before_refit=True)
            fitted = trial.combination.fit(said.probabilities, said.present, labels[rows])
            found[fold, seed] = Fusion(fold, seed, len(rows), fitted)
    return found


def fusion_notes(fusions: Fusions) -> Iterator[str]:
    """Yield a note on how often a combination could learn nothing."""
    nothing = [fusion.n for fusion in fusions.values() if not fusion.fitted]
    if nothing:
        yield (
            f"{len(nothing)} of {len(fusions)} fits learned nothing, since {min(nothing)} "
            f"validation rows are too few (under {FEWEST_ROWS}) or of one class; members "
            "count alike there"
        )


def _combine(trial: Trial, members: MemberPredictions, fusion: Fusion | None) -> Decision:
    """Decide rows from the members' probabilities."""
    if trial.combination is not None:
        fitted = {} if fusion is None else fusion.fitted
        return trial.combination.combine(members.probabilities, members.present, fitted)
    (single,) = members.probabilities
    return Decision(single.argmax(axis=1), single, np.zeros(len(single), np.bool_))


def _decide(trial: Trial, fusions: Fusions, fold: Fold, run: Sequence[int]) -> Decision:
    """Decide the test rows of one fold by the mean of the probabilities of a run."""
    decisions = [
        _combine(
            trial,
            member_predictions(trial, fold.index, seed, fold.test),
            fusions.get((fold.index, seed)),
        )
        for seed in run
    ]
    if len(decisions) == 1:
        return decisions[0]
    mean = np.mean([decision.probabilities for decision in decisions], axis=0)
    return Decision(mean.argmax(axis=1), mean, np.zeros(len(mean), np.bool_))


def _modality_weights(trial: Trial, fold: Fold, run: Sequence[int]) -> Floats | None:
    """(n, G) weights of the modalities of a fold's test rows, mean over a run."""
    method = trial.method
    if not isinstance(method, WeighingMethod):
        return None
    (own,) = trial.members
    by_seed = []
    for seed in run:
        arrays = own.models.checkpoint(fold.index, seed).arrays
        weights = method.weights(arrays, trial.data, own.settings, fold.test)
        own.models.refuse_undefined(weights, fold.index, seed)
        by_seed.append(weights)
    mean: Floats = np.mean(by_seed, axis=0)
    return mean


@dataclass(frozen=True, eq=False)
class _Part:
    """The decisions of one run on one fold; weights: (n, G) of a method that weighs modalities."""

    fold: Fold
    seed: int
    decision: Decision
    weights: Floats | None


def _collect(trial: Trial, parts: Sequence[_Part], fusions: Fusions) -> Scored:
    """Join the decisions of all folds and runs into one table."""
    data = trial.data
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
        modalities=tuple(trial.modalities) if weights else (),
        weights=np.concatenate(weights) if weights else None,
    )
    tied = np.concatenate([part.decision.tied for part in parts]) if trial.votes else None
    return Scored(predictions, rows, tied, fusions)


def _calibrate(trial: Trial, scored: Scored) -> Scored:
    """Divide logits by a temperature fitted on validation rows; decisions stay the same.

    A temperature is fitted to the probabilities averaged over the seeds of a run. That of a
    combination is fitted on the rows that the combination was fitted on: its parameters are few.
    """
    temperatures, predictions = [], scored.predictions
    labels = trial.data.columns.label.astype(np.int64)
    probabilities = predictions.probabilities.copy()
    by_fold = unseen_validation_rows(trial)
    for run in trial.runs:
        for fold, rows in enumerate(by_fold):
            predicted = _run_probabilities(trial, scored.fusions, fold, run, rows)
            best = fitted_temperature(predicted, labels[rows]) if rows.size else None
            value = 1.0 if best is None else best
            temperatures.append(
                result.Temperature(
                    fold=fold, seed=run[0], temperature=value, n=len(rows), fitted=best is not None
                )
            )
            here = (predictions.fold == fold) & (predictions.seed == run[0])
            probabilities[here] = with_temperature(probabilities[here], value)
    calibrated = replace(predictions, probabilities=probabilities)
    return replace(scored, predictions=calibrated, temperatures=tuple(temperatures))


def _run_probabilities(
    trial: Trial, fusions: Fusions, fold: int, run: Sequence[int], rows: Rows
) -> Floats:
    """(n, C) probabilities of rows that the models did not train on, mean over a run."""
    by_seed = [
        _combine(
            trial,
            member_predictions(trial, fold, seed, rows, before_refit=True),
            fusions.get((fold, seed)),
        ).probabilities
        for seed in run
    ]
    mean: Floats = np.mean(by_seed, axis=0)
    return mean
