"""From predictions to the object that `memr evaluate` prints.

Letters: n scored rows (one per utterance and run), K folds, S runs (each of a seed, or one of all
seeds), C classes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.evaluation import leakage
from memr_cli.evaluation.bootstrap import Sample, clustered_interval
from memr_cli.evaluation.metrics import METRICS, confusion, per_class, scores
from memr_cli.evaluation.protocols import Fold, describe
from memr_cli.experiment.confidence import by_group, calibration, calibration_notes
from memr_cli.experiment.predicting import Scored
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.experiment.tempering import Temperature
from memr_cli.experiment.weighing import modality_weights
from memr_cli.results.predictions import Predictions
from memr_cli.vocabulary import Subset

BOOTSTRAP_SEED = 0
"""Intervals draw from a generator of their own: they don't depend on how models were seeded."""


def score(
    scored: Scored,
    data: Dataset,
    settings: ExperimentSettings,
    modalities: Sequence[str],
    *,
    refit: bool,
    temperatures: Sequence[Temperature] | None = None,
    as_context: bool = False,
) -> dict[str, Any]:
    """Metrics, folds, leakage and notes: the part of the object that follows from predictions.

    as_context: whether training read the test turns of the dialogues that it shares.
    """
    counts = _counts(scored.predictions, len(scored.folds))
    intervals, interval_notes = _intervals(scored, data)
    n_seeds, n_tested = len(counts), sum(len(fold.test) for fold in scored.folds)
    notes = [note for fold in scored.folds for note in fold.notes]
    metrics, undefined = _metrics(counts, intervals)
    result = {
        "synthetic": data.synthetic,
        "protocol": {
            "name": settings.protocol,
            "description": description(settings, scored.folds),
            "folds": [_fold_object(fold, refit=refit) for fold in scored.folds],
        },
        "n": n_tested,
        "metrics": metrics,
        "per_class": _per_class(counts, data.class_names),
        "confusion": {
            "labels": list(data.class_names),
            "counts": counts.sum(axis=(0, 1)).tolist(),
            "folds": counts.sum(axis=0).tolist(),
        },
        "calibration": calibration(
            scored.predictions, votes=scored.tied is not None, temperatures=temperatures
        ),
        **_by_group(scored, data),
        "leakage": _leakage(scored.folds, data, modalities, as_context=as_context),
    }
    if scored.predictions.weights is not None:
        complete = np.logical_and.reduce([data.present[name][scored.rows] for name in modalities])
        result["modality_weights"] = modality_weights(scored.predictions, complete)
    if scored.tied is not None:
        count = int(scored.tied.sum())
        result["ties"] = {"count": count, "share": count / (n_tested * n_seeds)}
    told = _told(result, n_seeds)
    result["notes"] = list(dict.fromkeys([*notes, *told, *interval_notes, *undefined]))
    return result


def description(settings: ExperimentSettings, folds: Sequence[Fold]) -> str:
    """Protocol and subset in words."""
    subset = settings.subset
    only = "" if subset is Subset.ALL else f", {subset} dialogues alone"
    return describe(settings.protocol, folds) + only


def _by_group(scored: Scored, data: Dataset) -> dict[str, Any]:
    columns, rows = data.columns, scored.rows
    speaker, session = columns.speaker[rows], columns.session[rows]
    return {
        "by_speaker": by_group(scored.predictions, speaker, columns.speaker_names),
        "by_session": by_group(scored.predictions, session, columns.session_names),
    }


def _told(result: dict[str, Any], n_seeds: int) -> Iterator[str]:
    """What a reader of the figures has to know about how they count."""
    if n_seeds > 1:
        yield f"per_class, confusion and ties count each utterance {n_seeds} times, once per seed"
    n_smallest = min(fold["n_test"] for fold in result["protocol"]["folds"])
    yield from calibration_notes(result["calibration"], n_smallest)
    if result["by_session"] is None:
        yield "no scores by session, since the corpus tells none of some utterance"
    if result["leakage"]["dialogues"] is None:
        yield "leakage.dialogues is null, since the corpus tells no dialogues"
    if result.get("modality_weights", True) is None:
        yield "no modality_weights, since no tested utterance has every modality"
    occurring = [name for name, entry in result["per_class"].items() if entry["support"]]
    if len(occurring) == 1:
        yield f"all tested utterances are {occurring[0]}, so every score is trivial"


def _counts(predictions: Predictions, n_folds: int) -> NDArray[np.int64]:
    """(S, K, C, C) confusion counts of every seed and fold."""
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


def _intervals(
    scored: Scored, data: Dataset
) -> tuple[dict[str, tuple[float, float] | None], tuple[str, ...]]:
    """Resample sessions where every tested utterance has one, else speakers; then dialogues."""
    rows, predictions = scored.rows, scored.predictions
    outer, outer_name = data.columns.clusters(rows)
    sample = Sample(
        fold=predictions.fold,
        seed=predictions.seed,
        true=predictions.true,
        predicted=predictions.predicted,
        outer=outer,
        inner=data.columns.dialogue[rows],
        n_classes=len(data.class_names),
    )
    return clustered_interval(sample, np.random.default_rng(BOOTSTRAP_SEED), outer_name=outer_name)


def _metrics(
    counts: NDArray[np.int64], intervals: dict[str, tuple[float, float] | None]
) -> tuple[dict[str, Any], list[str]]:
    """Each metric's entry, and a note for each that is undefined somewhere."""
    by_run = scores(counts)  # (S, K) each
    pooled = scores(counts.sum(axis=(0, 1)))
    metrics, notes = {}, []
    for name in METRICS:
        by_fold = by_run[name].mean(axis=0)
        metrics[name] = {
            "mean": _number(by_fold.mean()),
            "std": _number(by_fold.std()),
            "folds": [_number(value) for value in by_fold],
            "seeds": [_number(value) for value in by_run[name].mean(axis=1)],
            "pooled": _number(pooled[name]),
            "ci95": intervals[name],
        }
        if not np.isfinite(by_run[name]).all():
            notes.append(f"{name} is undefined in some fold and null there")
    return metrics, notes


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _per_class(counts: NDArray[np.int64], class_names: Sequence[str]) -> dict[str, Any]:
    table = per_class(counts.sum(axis=(0, 1)))
    return {
        name: {
            "precision": float(table["precision"][code]),
            "recall": float(table["recall"][code]),
            "f1": float(table["f1"][code]),
            "support": int(table["support"][code]),
        }
        for code, name in enumerate(class_names)
    }


def _fold_object(fold: Fold, *, refit: bool) -> dict[str, Any]:
    """`train` lists whose labels the final weights saw: all of them after a refit."""
    speakers, rows = (fold.train_speakers, fold.train) if refit else (fold.fit_speakers, fold.fit)
    return {
        "test": list(fold.test_speakers),
        "validation": list(fold.validation_speakers),
        "train": list(speakers),
        "n_train": len(rows),
        "n_validation": len(fold.validation),
        "n_test": len(fold.test),
    }


def _leakage(
    folds: Sequence[Fold], data: Dataset, modalities: Sequence[str], *, as_context: bool
) -> dict[str, Any]:
    shared = leakage.dialogues(data.columns, folds)
    return {
        "speakers": leakage.speakers(folds),
        "dialogues": None if shared is None else {**shared, "as_context": as_context},
        "identical": {
            name: leakage.identical(data.as_stored.features([name]), folds) for name in modalities
        },
    }
