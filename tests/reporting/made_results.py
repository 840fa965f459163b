"""Results of made-up experiments: random predictions and their scores, on disk as memr has
them. Letters: n test utterances, C classes, K folds.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from complete_results import complete_evaluation, complete_settings
from numpy.typing import NDArray

from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.predictions import Predictions

NOTEBOOK_FOLDS = (
    (("F01", "F02"), 267),
    (("F03", "F04"), 234),
    (("F05", "M01"), 322),
    (("M02", "M03"), 287),
    (("M04", "M05"), 226),
)
EMOTIONS = ("anger", "sadness", "happiness", "neutral")
SKILLS = {"visual": 0.2, "acoustic": 0.4, "lexical": 0.5, "early": 0.52, "late": 0.42}
FIVE = tuple(SKILLS)
FIFTEEN = (
    *FIVE,
    *("context", "context-causal", "crossmodal", "gated", "late-mean", "late-stack"),
    *("late-weighted", "temporal-gru", "temporal-transformer", "tensor"),
)
WEIGHING = ("context", "context-causal", "gated", "temporal-gru", "temporal-transformer")


def folds_of(k: int, size: int = 60) -> tuple[tuple[tuple[str, ...], int], ...]:
    """K folds of two speakers with about `size` utterances each."""
    return tuple(((f"S{2 * i:02}", f"S{2 * i + 1:02}"), size + 7 * (i % 3)) for i in range(k))


@dataclass(frozen=True)
class Experiment:
    """What all methods of one table share."""

    classes: Sequence[str] = EMOTIONS
    folds: Sequence[tuple[tuple[str, ...], int]] = NOTEBOOK_FOLDS
    protocol: str = "speaker"
    description: str = "5 folds over 10 speakers, test speakers unseen in training"
    preset: str = "default"
    store: str = "memr.h5"
    fingerprint: str = "sha256:" + "0123456789abcdef" * 4
    seeds: Sequence[int] = (0,)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    synthetic: bool = False
    dialogues: float | None = 0.74
    modalities: Sequence[str] = ("visual", "acoustic", "lexical")
    subset: str = "all"
    by_speaker: Sequence[str] = ()
    calibrate: str | None = None
    ensemble: bool = False
    detailed: bool = False
    """With calibration, scores by speaker and session, and weights, which earlier results lack."""

    @property
    def truth(self) -> NDArray[np.int64]:
        """(n,) the same for all methods: frequent classes come last."""
        n = sum(size for _, size in self.folds)
        weights = np.arange(2, len(self.classes) + 2) / sum(range(2, len(self.classes) + 2))
        return np.random.default_rng(7).choice(len(self.classes), n, p=weights)

    def runs(self, method: str) -> Sequence[int]:
        """The seeds under which predictions stand: the first alone of an ensemble."""
        return self.seeds[:1] if self.averages(method) else self.seeds

    def averages(self, method: str) -> bool:
        """Whether a method averages its seeds, which a vote never does."""
        return self.ensemble and method != "late"

    @property
    def fold(self) -> NDArray[np.int64]:
        """(n,) which fold tests an utterance."""
        return np.repeat(np.arange(len(self.folds)), [size for _, size in self.folds])


def with_fields(one: Evaluation, **fields: Any) -> Evaluation:
    """The same result with other fields."""
    return msgspec.structs.replace(one, **fields)


def write(
    root: Path,
    methods: Sequence[str] = FIVE,
    experiment: Experiment | None = None,
    **changes: Any,
) -> ResultFolder:
    """Write the metrics and predictions of methods; `changes` replace fields of the objects."""
    folder = ResultFolder(root)
    for number, method in enumerate(methods):
        _write_one(folder, method, number, experiment or Experiment(), changes)
    return folder


def _write_one(
    folder: ResultFolder, method: str, number: int, experiment: Experiment, changes: dict[str, Any]
) -> None:
    truth, fold = experiment.truth, experiment.fold
    decided, scores = _scored(experiment, method, number)
    path = folder.predictions(experiment.protocol, method)
    _predictions(experiment, method, decided).write(path)
    value = {
        "schema": "memr.evaluate/1",
        "store": experiment.store,
        "fingerprint": experiment.fingerprint,
        "method": method,
        "preset": experiment.preset,
        "protocol": _protocol(experiment),
        "settings": settings_of(experiment, method),
        "synthetic": experiment.synthetic,
        "n": int(truth.size),
        "left_out": 0,
        **scores,
        **(_details(experiment, method, truth, fold, decided) if experiment.detailed else {}),
        "ties": {"count": 31, "share": 31 / truth.size} if method == "late" else None,
        "leakage": _leakage(experiment, method),
        "notes": [],
        "key": "sha256:" + "ab" * 32,
        "hashes": {folder.relative(path): digest(path)},
        "files": {"metrics": "", "predictions": folder.relative(path), "checkpoints": []},
    }
    value = {**value, **changes}
    if value["ties"] is None:
        del value["ties"]
    path = folder.metrics(experiment.protocol, method)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(complete_evaluation(value)))


SEEN_AS_CONTEXT = {"leakage": {"dialogues": {"share": 0.4, "folds": [], "as_context": True}}}
"""Changes that make a result one whose training read turns of test dialogues."""

_KEPT: dict[str, tuple[list[NDArray[np.int64]], dict[str, Any]]] = {}


def _scored(
    experiment: Experiment, method: str, number: int
) -> tuple[list[NDArray[np.int64]], dict[str, Any]]:
    """Decisions of every seed and their scores, which many tests ask for."""
    runs = experiment.runs(method)
    key = repr((experiment.classes, experiment.folds, runs, method, number))
    if key not in _KEPT:
        rng = np.random.default_rng(100 + number)
        truth, fold, c = experiment.truth, experiment.fold, len(experiment.classes)
        skill = SKILLS.get(method, 0.3 + 0.02 * number)
        decided = []
        for _ in runs:
            known = (
                rng.random(truth.size) < skill + rng.normal(0, 0.03, len(experiment.folds))[fold]
            )
            decided.append(np.where(known, truth, rng.integers(0, c, truth.size)))
        _KEPT[key] = decided, _scores(experiment, truth, fold, decided)
    return _KEPT[key]


def _predictions(
    experiment: Experiment, method: str, decided: Sequence[NDArray[np.int64]]
) -> Predictions:
    truth, fold, repeats = experiment.truth, experiment.fold, len(decided)
    speakers = _speakers(experiment)
    predicted = np.concatenate(decided)
    return Predictions(
        utterances=tuple(f"u{i:05}" for i in range(truth.size)) * repeats,
        speakers=tuple(speakers) * repeats,
        fold=np.tile(fold, repeats),
        seed=np.repeat(np.array(experiment.runs(method)), truth.size),
        true=np.tile(truth, repeats),
        predicted=predicted,
        probabilities=np.eye(len(experiment.classes))[predicted],
        class_names=tuple(experiment.classes),
    )


def _speakers(experiment: Experiment) -> list[str]:
    return [experiment.folds[k][0][i % 2 - 1] for i, k in enumerate(experiment.fold)]


def _protocol(experiment: Experiment) -> dict[str, Any]:
    total = sum(size for _, size in experiment.folds)
    everyone = [name for members, _ in experiment.folds for name in members]
    folds = []
    for members, size in experiment.folds:
        train = [name for name in everyone if name not in members]
        folds.append(
            {
                "test": list(members),
                "validation": train[:2],
                "train": train or ["T"],
                "n_train": total - size or 90,
                "n_validation": (total - size) // 5,
                "n_test": size,
            }
        )
    return {
        "name": experiment.protocol,
        "description": experiment.description,
        "folds": folds,
    }


def settings_of(experiment: Experiment, method: str) -> dict[str, Any]:
    """The settings of one method; those that came later only where they are not as they were."""
    members = [method] if method in experiment.modalities else list(experiment.modalities)
    return complete_settings(
        {
            "hidden": 256 if method == "early" else 128,
            "learning_rate": 0.001,
            "weight_decay": 1e-5,
            "batch_size": 32,
            "epochs": 50,
            "patience": 5,
            "refit": True,
            "seed": experiment.seeds[0],
            "seeds": len(experiment.seeds),
            "modalities": members,
            "overrides": dict(experiment.overrides),
            "n_parameters": 762_244,
            **({"subset": experiment.subset} if experiment.subset != "all" else {}),
            **({"calibrate": experiment.calibrate} if experiment.calibrate else {}),
            **({"ensemble": experiment.averages(method)} if experiment.ensemble else {}),
            **_normalize(experiment, members),
        }
    )


def _normalize(experiment: Experiment, members: Sequence[str]) -> dict[str, Any]:
    if not experiment.by_speaker:
        return {}
    hows = {name: "speaker" if name in experiment.by_speaker else "global" for name in members}
    return {"normalize": hows}


def _details(
    experiment: Experiment,
    method: str,
    truth: NDArray[np.int64],
    fold: NDArray[np.int64],
    decided: Sequence[NDArray[np.int64]],
) -> dict[str, Any]:
    right = np.mean([d == truth for d in decided], axis=0)
    used = [method] if method in experiment.modalities else experiment.modalities
    speakers = np.array(_speakers(experiment))
    value = {"mean": 0.0513, "std": 0.01, "folds": [], "seeds": [], "pooled": 0.05}
    bins = [
        {"confidence": 0.3 + 0.045 * i, "accuracy": 0.28 + 0.04 * i, "n": 89} for i in range(15)
    ]
    votes = method == "late"
    return {
        "transductive": any(name in experiment.by_speaker for name in used),
        "calibration": {
            **dict.fromkeys(("brier", "ece", "aurc"), None if votes else value),
            "bins": None if votes else bins,
            "temperatures": [{"fold": 0, "seed": 0, "temperature": 1.31, "n": 90, "fitted": True}]
            if experiment.calibrate and not votes
            else None,
        },
        "by_speaker": {name: _slice(right[speakers == name]) for name in np.unique(speakers)},
        "by_session": {f"{k + 1}": _slice(right[fold == k]) for k in np.unique(fold)},
        **({"modality_weights": _weights(experiment, method)} if method in WEIGHING else {}),
        **({"fusion": _fusion(experiment, method)} if method in _LEARNED else {}),
    }


_LEARNED = ("late-stack", "late-weighted")


def _weights(experiment: Experiment, method: str) -> dict[str, Any]:
    names = list(experiment.modalities)
    rng = np.random.default_rng(sum(method.encode()))
    drawn = rng.dirichlet(np.full(len(names), 20.0), len(experiment.classes) + 1)
    mean, *each = (dict(zip(names, one.tolist(), strict=True)) for one in drawn)
    by_class = {
        name: {"n": 40 + 7 * i, **given}
        for i, (name, given) in enumerate(zip(experiment.classes, each, strict=True))
    }
    return {"modalities": names, "n": 1200, "mean": mean, "by_class": by_class}


def _fusion(experiment: Experiment, method: str) -> list[dict[str, Any]]:
    names = experiment.modalities
    found = []
    for fold in range(len(experiment.folds)):
        for seed in experiment.seeds:
            weights = {name: 0.2 + 0.1 * i + 0.01 * fold for i, name in enumerate(names)}
            stacked: dict[str, Any] = {"coefficients": [[0.1] * 4] * 4, "intercepts": [0.0] * 4}
            parameters = {"weights": weights} if method == "late-weighted" else stacked
            run = {"fold": fold, "seed": seed, "n": 180 + fold, "fitted": True}
            found.append({**run, "parameters": parameters})
    return found


def _slice(right: NDArray[np.float64]) -> dict[str, Any]:
    return {"n": int(right.size), "f1_micro": float(right.mean()), "uar": float(right.mean())}


def _leakage(experiment: Experiment, method: str) -> dict[str, Any]:
    k = len(experiment.folds)
    share = experiment.dialogues
    used = [method] if method in experiment.modalities else experiment.modalities
    return {
        "speakers": 0,
        "dialogues": None if share is None else {"share": share, "folds": [share] * k},
        "identical": {
            name: {"share": 0.061 if name == "lexical" else 0.0, "folds": [0.0] * k}
            for name in used
        },
    }


def _scores(
    experiment: Experiment,
    truth: NDArray[np.int64],
    fold: NDArray[np.int64],
    decided: Sequence[NDArray[np.int64]],
) -> dict[str, Any]:
    c, k = len(experiment.classes), len(experiment.folds)
    counts = np.array(
        [[_confusion(truth[fold == i], d[fold == i], c) for i in range(k)] for d in decided]
    )
    metrics = {}
    for name, score in METRICS.items():
        by_seed = np.array([[score(each) for each in of_seed] for of_seed in counts])
        folds = by_seed.mean(axis=0)
        margin = 0.02 + 0.5 * float(folds.std())
        metrics[name] = {
            "mean": float(folds.mean()),
            "std": float(folds.std()),
            "folds": folds.tolist(),
            "seeds": by_seed.mean(axis=1).tolist(),
            "pooled": float(np.mean([score(of_seed.sum(axis=0)) for of_seed in counts])),
            "ci95": [float(folds.mean()) - margin, float(folds.mean()) + margin],
        }
    whole = counts.sum(axis=(0, 1))
    right, true, predicted = whole.diagonal(), whole.sum(axis=1), whole.sum(axis=0)
    columns = {
        "precision": right / np.maximum(predicted, 1),
        "recall": right / np.maximum(true, 1),
        "f1": _f1(whole),
        "support": true.astype(float),
    }
    per_class = {
        name: {
            key: int(column[i]) if key == "support" else float(column[i])
            for key, column in columns.items()
        }
        for i, name in enumerate(experiment.classes)
    }
    confusion = {
        "labels": list(experiment.classes),
        "counts": whole.tolist(),
        "folds": counts.sum(axis=0).tolist(),
    }
    return {"metrics": metrics, "per_class": per_class, "confusion": confusion}


def _confusion(true: NDArray[np.int64], predicted: NDArray[np.int64], c: int) -> NDArray[np.int64]:
    """(C, C) utterances by true and predicted class."""
    return np.bincount(true * c + predicted, minlength=c * c).reshape(c, c)


def _f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(C,) F1 of each class, 0 for one that is neither there nor predicted."""
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return np.asarray(2 * counts.diagonal() / np.maximum(both, 1))


def _accuracy(counts: NDArray[np.int64]) -> float:
    return float(counts.trace() / counts.sum())


def _uar(counts: NDArray[np.int64]) -> float:
    """The mean recall of the classes that are there."""
    there = counts.sum(axis=1) > 0
    return float((counts.diagonal()[there] / counts.sum(axis=1)[there]).mean())


METRICS = {
    "f1_micro": _accuracy,
    "accuracy": _accuracy,
    "uar": _uar,
    "f1_macro": lambda counts: float(_f1(counts).mean()),
    "f1_weighted": lambda counts: float(_f1(counts) @ counts.sum(axis=1) / counts.sum()),
}
