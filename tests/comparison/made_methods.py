"""Evaluated methods on a real store, made up: random decisions, on disk as memr has them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memr_cli.evaluation.metrics import confusion
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.predictions import Predictions
from memr_cli.results.saved import save
from memr_cli.results.schema import decode
from store.reader import Store


@dataclass(frozen=True)
class Corpus:
    """The labelled utterances of a store, in its order; every array has one value for each."""

    store: Path
    fingerprint: str
    class_names: tuple[str, ...]
    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    true: np.ndarray
    session: np.ndarray
    dialogue: np.ndarray
    speaker: np.ndarray


def corpus(path: Path) -> Corpus:
    with Store.open(path) as store:
        columns = store.utterances
        rows = np.flatnonzero(columns.label >= 0)
        return Corpus(
            path,
            store.fingerprint,
            store.class_names,
            tuple(columns.ids[row] for row in rows),
            tuple(columns.speakers[columns.speaker[row]] for row in rows),
            columns.label[rows].astype(np.int64),
            columns.session[rows].astype(np.int64),
            columns.dialogue[rows].astype(np.int64),
            columns.speaker[rows].astype(np.int64),
        )


def write(
    made: Corpus,
    method: str,
    *,
    out: Path | None = None,
    skill: float = 0.5,
    seeds: Sequence[int] = (0,),
    fold: np.ndarray | None = None,
    lost: np.ndarray | None = None,
    protocol: str = "session",
    settings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write the metrics and predictions of a method that is right in a share `skill`.

    fold: which tests each utterance, by default that of its session. lost: utterances that it
    cannot score. settings, changes: replace fields of the evaluation.
    """
    folder = ResultFolder(made.store.parent if out is None else out)
    kept = np.ones(len(made.ids), bool) if lost is None else ~lost
    fold = made.session if fold is None else fold
    n_folds = int(fold.max()) + 1
    rng = np.random.default_rng(sum(method.encode()) + len(seeds))
    n_classes, true = len(made.class_names), np.tile(made.true[kept], len(seeds))
    right = rng.random(true.size) < skill
    predicted = np.where(right, true, (true + rng.integers(1, n_classes, true.size)) % n_classes)
    path = folder.predictions(protocol, method)
    Predictions(
        utterances=tuple(np.array(made.ids)[kept].tolist()) * len(seeds),
        speakers=tuple(np.array(made.speakers)[kept].tolist()) * len(seeds),
        fold=np.tile(fold[kept], len(seeds)),
        seed=np.repeat(np.array(seeds), kept.sum()),
        true=true,
        predicted=predicted,
        probabilities=np.eye(n_classes)[predicted],
        class_names=made.class_names,
    ).write(path)
    counts = [confusion(t, p, n_classes) for t, p in by_fold(true, predicted, fold[kept], n_folds)]
    tested = [int((fold[kept] == k).sum()) for k in range(n_folds)]
    used = [method] if method in ("visual", "acoustic", "lexical") else ["acoustic", "lexical"]
    result = evaluation(
        method,
        counts,
        class_names=made.class_names,
        tested=tested,
        protocol=protocol,
        settings={
            "seed": seeds[0],
            "seeds": len(seeds),
            "modalities": used,
            **(settings or {}),
        },
        **{
            "store": str(made.store),
            "fingerprint": made.fingerprint,
            "hashes": {folder.relative(path): digest(path)},
            **changes,
        },
    )
    metrics = folder.metrics(protocol, method)
    save(metrics, result)
    return metrics


def evaluation(
    method: str,
    counts: Sequence[np.ndarray],
    *,
    class_names: Sequence[str],
    tested: Sequence[int],
    protocol: str,
    settings: Mapping[str, Any],
    leakage: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Evaluation:
    """Make an evaluation with the confusion counts of each fold. settings, leakage: some fields."""
    ratio = [(sum(tested) - n or 90, n) for n in tested]
    fold = {"test": ["F01"], "validation": [], "train": [], "n_validation": 0}
    value = {
        "schema": "memr.evaluate/1",
        "store": "memr.h5",
        "fingerprint": "",
        "method": method,
        "preset": "default",
        "protocol": {
            "name": protocol,
            "description": f"leave one session out, {len(tested)} folds",
            "folds": [{**fold, "n_train": n_train, "n_test": n} for n_train, n in ratio],
        },
        "settings": {
            "seed": 0,
            "seeds": 1,
            "refit": True,
            "modalities": [method],
            "subset": "all",
            "normalize": {},
            "ensemble": False,
            "calibrate": None,
            "overrides": {},
            "device": "cpu",
            "n_parameters": 0,
            **settings,
        },
        "synthetic": True,
        "n": sum(tested),
        "metrics": {},
        "per_class": {
            name: {"precision": 0, "recall": 0, "f1": 0, "support": 0} for name in class_names
        },
        "confusion": {
            "labels": class_names,
            "counts": sum(counts).tolist(),
            "folds": [each.tolist() for each in counts],
        },
        "calibration": dict.fromkeys(("brier", "ece", "aurc", "bins", "temperatures")),
        "by_speaker": None,
        "by_session": None,
        "notes": [],
        "transductive": False,
        "files": {"metrics": "", "predictions": "", "checkpoints": []},
        "versions": {"memr": "0.1.0"},
        "key": "sha256:" + "ab" * 32,
        "left_out": 0,
        "hashes": {},
        "leakage": {"speakers": 0, "dialogues": None, "identical": {}, **(leakage or {})},
        **changes,
    }
    return decode(json.dumps(value).encode(), Evaluation)


def by_fold(
    true: np.ndarray, predicted: np.ndarray, fold: np.ndarray, n_folds: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The classes of each fold; true and predicted repeat the utterances for each seed."""
    fold = np.tile(fold, true.size // fold.size)
    for k in range(n_folds):
        yield true[fold == k], predicted[fold == k]
