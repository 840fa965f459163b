"""Evaluated methods on a real store, made up: random decisions, on disk as memr has them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from complete_results import complete_evaluation

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
    tested = [int((fold[kept] == k).sum()) for k in range(n_folds)]
    used = [method] if method in ("visual", "acoustic", "lexical") else ["acoustic", "lexical"]
    result = evaluation(
        method,
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
    *,
    class_names: Sequence[str],
    tested: Sequence[int],
    protocol: str,
    settings: Mapping[str, Any],
    **changes: Any,
) -> Evaluation:
    """Make an evaluation that tests these numbers of utterances in each fold."""
    value = {
        "schema": "memr.evaluate/1",
        "store": "memr.h5",
        "fingerprint": "",
        "method": method,
        "preset": "default",
        "protocol": {
            "name": protocol,
            "description": f"leave one session out, {len(tested)} folds",
            "folds": [{"n_train": sum(tested) - n or 90, "n_test": n} for n in tested],
        },
        "settings": {"modalities": [method], **settings},
        "synthetic": True,
        "n": sum(tested),
        "confusion": {"labels": class_names},
        "hashes": {},
        **changes,
    }
    return decode(json.dumps(complete_evaluation(value)).encode(), Evaluation)
