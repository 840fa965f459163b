"""Complete results from a few fields: what a test does not care about gets a plain value."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from memr_cli.evaluation.metrics import METRICS


def complete_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a result; `normalize` is global where nothing else is said."""
    used = list(given.get("modalities", ()))
    plain = {
        "seed": 0,
        "seeds": 1,
        "refit": True,
        "modalities": used,
        "subset": "all",
        "ensemble": False,
        "calibrate": None,
        "overrides": {},
        "device": "cpu",
        "n_parameters": 1000,
    }
    normalize = {**dict.fromkeys(used, "global"), **given.get("normalize", {})}
    return {**plain, **given, "normalize": normalize}


def complete_evaluation(given: Mapping[str, Any]) -> dict[str, Any]:
    """The object of `memr evaluate`, consistent with the folds and classes that are given."""
    folds = [_fold(number, fold) for number, fold in enumerate(given["protocol"]["folds"])]
    classes = given["confusion"]["labels"]
    k, c, settings = len(folds), len(classes), complete_settings(given["settings"])
    n_seeds = 1 if settings["ensemble"] else settings["seeds"]
    score = {"mean": 0.5, "std": 0.0, "folds": [0.5] * k, "pooled": 0.5, "ci95": None}
    by_fold = np.zeros((k, c, c), np.int64)
    by_fold[:, 0, 0] = [fold["n_test"] for fold in folds]
    nothing = dict.fromkeys(("brier", "ece", "aurc", "bins", "temperatures"))
    plain = {
        "metrics": {name: {**score, "seeds": [0.5] * n_seeds} for name in METRICS},
        "per_class": {
            name: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 10} for name in classes
        },
        "by_speaker": {},
        "by_session": None,
        "leakage": {"speakers": 0, "dialogues": None, "identical": {}},
        "notes": [],
        "transductive": False,
        "files": {"metrics": "", "predictions": "", "checkpoints": []},
        "versions": {"memr": "0.1.0"},
        "key": "sha256:" + "ab" * 32,
        "left_out": 0,
    }
    counts = {"counts": by_fold.sum(axis=0).tolist(), "folds": by_fold.tolist()}
    leakage = {**plain["leakage"], **given.get("leakage", {})}
    if leakage["dialogues"] is not None:
        leakage["dialogues"] = {"folds": [], "as_context": False, **leakage["dialogues"]}
    return {
        **plain,
        **{name: part for name, part in given.items() if part is not None},
        "settings": settings,
        "protocol": {"description": "folds", **given["protocol"], "folds": folds},
        "confusion": {**counts, **given["confusion"]},
        "calibration": {**nothing, **given.get("calibration", {})},
        "leakage": leakage,
    }


def _fold(number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    plain = {"test": [f"S{number}"], "validation": [], "train": ["T"], "n_validation": 0}
    return {**plain, **given}
