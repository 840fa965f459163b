"""From predictions to scores: metrics, calibration, groups and leakage of one evaluation.

Letters: n scored rows (one per utterance and run), K folds, S runs (one a seed, or one for all
seeds of an ensemble), C classes, G modalities.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation import leakage
from memr_cli.evaluation.bootstrap import Sample, clustered_interval
from memr_cli.evaluation.calibration import (
    N_BINS,
    brier,
    expected_calibration_error,
    reliability,
    risk_coverage_area,
)
from memr_cli.evaluation.columns import NONE
from memr_cli.evaluation.metrics import METRICS, confusion, per_class, scores
from memr_cli.evaluation.protocols import Fold, describe
from memr_cli.experiment.predictions import Scored
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.experiment.trial import Trial
from memr_cli.results.evaluation import (
    Bin,
    Calibration,
    ClassScore,
    Confusion,
    FoldedProtocol,
    GroupScore,
    Leakage,
    Measure,
    ModalityWeights,
    Overlap,
    Score,
    SharedDialogues,
    Ties,
)
from memr_cli.results.evaluation import Fold as FoldResult
from memr_cli.results.predictions import Predictions
from memr_cli.results.schema import UNSET, UnsetType
from memr_cli.vocabulary import Subset

BOOTSTRAP_SEED = 0
"""Intervals draw from a generator of their own: they do not depend on the seeds of models."""

FEW_A_BIN = 50
"""Rows a bin below which chance makes up much of the calibration error."""

Counts = NDArray[np.int64]
Intervals = Mapping[str, tuple[float, float] | None]


class Scores:
    """The scores of a trial's predictions; each part is a part of the result."""

    def __init__(self, trial: Trial, scored: Scored) -> None:
        self._trial, self._scored, self._data = trial, scored, trial.data
        self._counts = _count(scored.predictions, len(trial.folds))
        self.n = sum(len(fold.test) for fold in trial.folds)
        intervals, self._interval_notes = self._intervals()
        self.metrics, self._undefined = _metrics(self._counts, intervals)
        self.per_class = _per_class(self._counts, self._data.class_names)
        self.confusion = Confusion(
            labels=self._data.class_names,
            counts=_tuples(self._counts.sum(axis=(0, 1))),
            folds=_tuples(self._counts.sum(axis=0)),
        )
        self.calibration = _calibration(scored)
        columns, rows = self._data.columns, scored.rows
        self.by_speaker = _by_group(
            scored.predictions, columns.speaker[rows], columns.speaker_names
        )
        self.by_session = _by_group(
            scored.predictions, columns.session[rows], columns.session_names
        )
        self.leakage = self._leakage()
        self.modality_weights = self._modality_weights()

    @property
    def protocol(self) -> FoldedProtocol:
        """The protocol, with folds as the method could use them."""
        trial = self._trial
        refit = trial.members[0].settings.refit
        return FoldedProtocol(
            name=trial.protocol,
            description=description(trial.experiment.settings, trial.folds),
            folds=tuple(_fold_result(fold, refit=refit) for fold in trial.folds),
        )

    @property
    def ties(self) -> Ties | UnsetType:
        """Of a vote, how often the tie rule decided."""
        if self._scored.tied is None:
            return UNSET
        count = int(self._scored.tied.sum())
        return Ties(count=count, share=count / (self.n * len(self._counts)))

    def notes(self) -> list[str]:
        """Return what a reader of the figures should know, each sentence once."""
        of_folds = (note for fold in self._trial.folds for note in fold.notes)
        return list(
            dict.fromkeys([*of_folds, *self._notes(), *self._interval_notes, *self._undefined])
        )

    def _notes(self) -> Iterator[str]:
        n_runs, n_smallest = len(self._counts), min(len(fold.test) for fold in self._trial.folds)
        if n_runs > 1:
            yield (
                f"per_class, confusion and ties count each utterance {n_runs} times, once per seed"
            )
        yield from calibration_notes(self.calibration, n_smallest)
        if self.by_session is None:
            yield "no scores by session, since the corpus tells none of some utterance"
        if self.leakage.dialogues is None:
            yield "leakage.dialogues is null, since the corpus tells no dialogues"
        if self.modality_weights is None:
            yield "no modality_weights, since no tested utterance has every modality"
        occurring = [name for name, score in self.per_class.items() if score.support]
        if len(occurring) == 1:
            yield f"all tested utterances are {occurring[0]}, so every score is trivial"

    def _intervals(self) -> tuple[Intervals, Sequence[str]]:
        """Resample sessions where every tested utterance has one, else speakers; then dialogues."""
        rows, predictions, columns = self._scored.rows, self._scored.predictions, self._data.columns
        outer, outer_name = columns.clusters(rows)
        sample = Sample(
            fold=predictions.fold,
            seed=predictions.seed,
            true=predictions.true,
            predicted=predictions.predicted,
            outer=outer,
            inner=columns.dialogue[rows],
            n_classes=len(self._data.class_names),
        )
        rng = np.random.default_rng(BOOTSTRAP_SEED)
        return clustered_interval(sample, rng, outer_name=outer_name)

    def _leakage(self) -> Leakage:
        folds, data = self._trial.folds, self._data
        shared = leakage.dialogues(data.columns, folds)
        as_context = self._trial.n_context > 0
        return Leakage(
            speakers=leakage.speakers(folds),
            dialogues=None
            if shared is None
            else SharedDialogues(
                share=shared["share"], folds=tuple(shared["folds"]), as_context=as_context
            ),
            identical={
                name: _overlap(leakage.identical(data.as_stored.features([name]), folds))
                for name in self._trial.modalities
            },
        )

    def _modality_weights(self) -> ModalityWeights | UnsetType | None:
        predictions, rows, present = self._scored.predictions, self._scored.rows, self._data.present
        if predictions.weights is None:
            return UNSET
        by_modality = [present[name][rows] for name in predictions.modalities]
        return modality_weights(predictions, np.logical_and.reduce(by_modality))


def modality_weights(
    predictions: Predictions, complete: NDArray[np.bool_]
) -> ModalityWeights | None:
    """Return mean weights, of all rows and by true class; None where there are none.

    complete: (n,) rows that have every modality; only these count, since a missing modality leaves
    its weight to the others, which says nothing about them.
    """
    if predictions.weights is None or not complete.any():
        return None
    names = predictions.modalities
    weights, true = predictions.weights[complete], predictions.true[complete]
    by_class = {}
    for code in np.unique(true).tolist():
        of_class = weights[true == code]
        means = _by_modality(names, of_class)
        by_class[predictions.class_names[code]] = {"n": len(of_class), **means}
    return ModalityWeights(
        modalities=names, n=len(weights), mean=_by_modality(names, weights), by_class=by_class
    )


def description(settings: ExperimentSettings, folds: Sequence[Fold]) -> str:
    """Return protocol and subset in words."""
    subset = settings.subset
    only = "" if subset is Subset.ALL else f", {subset} dialogues alone"
    return describe(settings.protocol, folds) + only


def fraction(value: Any) -> float | None:
    """Return a score as a float, None where it is undefined."""
    return float(value) if np.isfinite(value) else None


def _overlap(found: leakage.Overlap) -> Overlap:
    return Overlap(share=found["share"], folds=tuple(found["folds"]))


def _by_modality(names: Sequence[str], weights: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, weights.mean(axis=0).tolist(), strict=True))


def _tuples(counts: Counts) -> Any:
    """An array as nested tuples of integers."""
    return tuple(_tuples(part) for part in counts) if counts.ndim else int(counts)


def _count(predictions: Predictions, n_folds: int) -> Counts:
    """(S, K, C, C) confusion counts of every run and fold."""
    n_classes = len(predictions.class_names)
    seeds = np.unique(predictions.seed)
    counts = np.zeros((len(seeds), n_folds, n_classes, n_classes), np.int64)
    for position, seed in enumerate(seeds):
        for fold in range(n_folds):
            rows = (predictions.seed == seed) & (predictions.fold == fold)
            counts[position, fold] = confusion(
                predictions.true[rows], predictions.predicted[rows], n_classes
            )
    return counts


def _metrics(counts: Counts, intervals: Intervals) -> tuple[dict[str, Score], list[str]]:
    """Each metric's score, and a note for each that is undefined somewhere."""
    by_run = scores(counts)  # (S, K) each
    pooled = scores(counts.sum(axis=(0, 1)))
    found, notes = {}, []
    for name in METRICS:
        by_fold = by_run[name].mean(axis=0)
        found[name] = Score(
            mean=fraction(by_fold.mean()),
            std=fraction(by_fold.std()),
            folds=tuple(map(fraction, by_fold)),
            seeds=tuple(map(fraction, by_run[name].mean(axis=1))),
            pooled=fraction(pooled[name]),
            ci95=intervals[name],
        )
        if not np.isfinite(by_run[name]).all():
            notes.append(f"{name} is undefined in some fold and null there")
    return found, notes


def _per_class(counts: Counts, class_names: Sequence[str]) -> dict[str, ClassScore]:
    table = per_class(counts.sum(axis=(0, 1)))
    return {
        name: ClassScore(
            precision=float(table["precision"][code]),
            recall=float(table["recall"][code]),
            f1=float(table["f1"][code]),
            support=int(table["support"][code]),
        )
        for code, name in enumerate(class_names)
    }


def _fold_result(fold: Fold, *, refit: bool) -> FoldResult:
    """`train` lists those whose labels the final weights saw: everyone after a refit."""
    speakers, rows = (fold.train_speakers, fold.train) if refit else (fold.fit_speakers, fold.fit)
    return FoldResult(
        test=fold.test_speakers,
        validation=fold.validation_speakers,
        train=speakers,
        n_train=len(rows),
        n_validation=len(fold.validation),
        n_test=len(fold.test),
    )


def _calibration(scored: Scored) -> Calibration:
    """Measures over runs and folds, and the bins of a reliability diagram."""
    if scored.tied is not None:
        return Calibration(brier=None, ece=None, aurc=None, bins=None, temperatures=None)
    predictions = scored.predictions
    probabilities, true = predictions.probabilities, predictions.true
    right = predictions.predicted == true
    return Calibration(
        brier=_measure(predictions, lambda rows: brier(probabilities[rows], true[rows])),
        ece=_measure(
            predictions,
            lambda rows: expected_calibration_error(reliability(probabilities[rows], right[rows])),
        ),
        aurc=_measure(
            predictions, lambda rows: risk_coverage_area(probabilities[rows], right[rows])
        ),
        bins=tuple(Bin(**asdict(one)) for one in reliability(probabilities, right)),
        temperatures=scored.temperatures,
    )


def _measure(predictions: Predictions, of: Callable[[NDArray[np.bool_]], float]) -> Measure:
    """A measure of every run and fold by itself, put together as metrics are."""
    folds, seeds = np.unique(predictions.fold), np.unique(predictions.seed)
    runs = np.array(
        [
            [of((predictions.seed == seed) & (predictions.fold == fold)) for fold in folds]
            for seed in seeds
        ]
    )  # (S, K)
    by_fold = runs.mean(axis=0)
    return Measure(
        mean=float(by_fold.mean()),
        std=float(by_fold.std()),
        folds=tuple(by_fold.tolist()),
        seeds=tuple(runs.mean(axis=1).tolist()),
        pooled=of(np.ones(len(predictions.true), np.bool_)),
    )


def calibration_notes(found: Calibration, n_smallest: int) -> Iterator[str]:
    """Yield what a reader of calibration should know. n_smallest: rows of the smallest fold."""
    if found.brier is None:
        yield "no calibration: shares of votes are no probabilities"
    elif n_smallest < FEW_A_BIN * N_BINS:
        yield (
            f"a fold has as few as {n_smallest} rows in {N_BINS} bins, which keeps the calibration "
            "error of single folds and their mean above 0 by chance; its pooled value is the "
            "better one"
        )
    unfitted = [one for one in found.temperatures or () if not one.fitted]
    if unfitted:
        yield (
            f"{len(unfitted)} of {len(found.temperatures or ())} temperatures are 1, since "
            f"{unfitted[0].n} validation rows name none that is best"
        )


def _by_group(
    predictions: Predictions, group: NDArray[np.integer], names: Sequence[str]
) -> dict[str, GroupScore] | None:
    """Score each group by name, mean over runs.

    group: (n,) codes into `names`. None where some row belongs to no group.
    """
    if (group == NONE).any():
        return None
    seeds, n_classes = np.unique(predictions.seed), len(predictions.class_names)
    found = {}
    for code in sorted(np.unique(group).tolist(), key=lambda code: names[code]):
        by_seed = []
        for seed in seeds:
            rows = (group == code) & (predictions.seed == seed)
            true, predicted = predictions.true[rows], predictions.predicted[rows]
            by_seed.append(confusion(true, predicted, n_classes))
        scored = scores(np.array(by_seed))
        found[names[code]] = GroupScore(
            n=int(by_seed[0].sum()),
            f1_micro=float(scored["f1_micro"].mean()),
            uar=float(scored["uar"].mean()),
        )
    return found
