"""Comparisons, ablations and audits of made-up experiments, on disk as memr has them."""

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from made_results import Experiment, settings_of

from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest

METRICS = ("accuracy", "uar", "f1_macro", "f1_weighted")


def write_comparison(
    root: Path, methods: Sequence[str], experiment: Experiment | None = None, **changes: Any
) -> Path:
    """A comparison of methods that have been written before; `changes` replace fields."""
    experiment, folder = experiment or Experiment(), ResultFolder(root)
    rng = np.random.default_rng(5)
    files = [
        path
        for method in methods
        for path in (
            folder.metrics(experiment.protocol, method),
            folder.predictions(experiment.protocol, method),
        )
    ]
    value = {
        "schema": "memr.compare/1",
        **_made_on(experiment),
        "methods": [
            {
                "label": method,
                "method": method,
                "metrics": f"metrics/{experiment.protocol}/{method}.json",
                "preset": experiment.preset,
                "n": 1336,
                "votes": method == "late",
                "settings": settings_of(experiment, method),
            }
            for method in methods
        ],
        "subset": experiment.subset,
        "normalize": {},
        "seeds": list(experiment.seeds),
        "ensemble": experiment.ensemble,
        "n": 1300,
        "left_out": 36,
        "clusters": {"kind": "sessions", "n": 5, "dialogues": 151, "speakers": 10},
        "replicates": {"bootstrap": 2000, "permutation": 10000},
        "pairs": [_pair(rng, *pair) for pair in combinations(methods, 2)],
        "notes": ["intervals leave out how training would vary"],
        "hashes": {folder.relative(path): digest(path) for path in files},
        "files": {"comparison": ""},
    }
    name = "+".join(method.replace(" ", "")[-20:] for method in methods)
    return _write(root / "comparisons" / experiment.protocol / f"{name}.json", value, changes)


def _pair(rng: np.random.Generator, first: str, second: str) -> dict[str, Any]:
    metrics = {}
    for name in METRICS:
        difference, half = float(rng.normal(0.05, 0.08)), 0.03
        p = 0.0002 if abs(difference) > half else 0.4
        metrics[name] = {
            "first": 0.55,
            "second": 0.55 + difference,
            "difference": difference,
            "ci95": [difference - half, difference + half],
            "p": p,
            "p_holm": min(1.0, 3 * p),
            "t": {"statistic": 2.1, "df": 4, "p": 0.1034},
        }
    said = f"{first} and {second} were compared on these 10 speakers"
    return {"first": first, "second": second, "metrics": metrics, "sentence": said}


def write_ablation(
    root: Path,
    method: str = "early",
    experiment: Experiment | None = None,
    *,
    retrained: bool = True,
    **changes: Any,
) -> Path:
    """An ablation of a method of all modalities; `changes` replace fields."""
    experiment = experiment or Experiment()
    names = list(experiment.modalities)
    worth = dict(zip(names, (0.04, 0.12, 0.21), strict=False))
    every = [list(s) for size in range(len(names) + 1) for s in combinations(names, size)]
    value = {
        "schema": "memr.ablate/1",
        **_made_on(experiment),
        "method": method,
        "preset": experiment.preset,
        "settings": settings_of(experiment, method),
        "n": 1336,
        "modalities": names,
        "subsets": [
            {
                "modalities": subset,
                "metrics": _scores(0.3 + sum(worth[name] for name in subset)),
                "retrained": _scores(0.32 + sum(worth[name] for name in subset))
                if retrained and subset
                else None,
            }
            for subset in every
        ],
        "shapley": _shapley(worth),
        "shapley_retrained": _shapley(worth) if retrained else None,
        "noise": [
            {"modality": name, "level": level, "metrics": _scores(0.67 - 0.1 * level)}
            for name in (None, *names)
            for level in (0.25, 0.5, 1.0, 2.0)
        ],
        "loss": [
            {"modality": name, "share": share / 10, "metrics": _scores(0.67 - 0.03 * share)}
            for name in (None, *names)
            for share in range(1, 10)
        ],
        "notes": ["the noise is Gaussian"],
        "versions": {"memr": "1"},
        "key": "sha256:" + "cd" * 32,
        "transductive": False,
        "files": {"ablation": ""},
        "hashes": {},
    }
    return _write(root / "ablations" / experiment.protocol / f"{method}.json", value, changes)


def _scores(mean: float) -> dict[str, Any]:
    return {
        name: {"mean": mean, "std": 0.02, "ci95": [mean - 0.04, mean + 0.04]} for name in METRICS
    }


def _shapley(worth: dict[str, float]) -> dict[str, Any]:
    return {
        metric: {
            name: {"value": value, "ci95": [value - 0.03, value + 0.03]}
            for name, value in worth.items()
        }
        for metric in METRICS
    }


def write_audit(root: Path, experiment: Experiment | None = None, **changes: Any) -> Path:
    """An audit with a finding of every severity; `changes` replace fields."""
    experiment = experiment or Experiment()
    findings = [
        ("shared_sessions", "info", None, 1.0, "Every session is in training too.", "Say so."),
        ("label_leak", "severe", "lexical", 0.22, "Features know the labels.", "Do not use them."),
        ("small_class", "warning", None, 12.0, "A class is small.", "Read it with care."),
    ]
    keys = ("code", "severity", "modality", "value", "message", "action")
    identity = {"accuracy": 0.61, "chance": 0.12, "normalised": 0.2}
    identity |= {"speakers": 10, "n": 1000, "by_dialogue": True}
    leak = {"train": 0.98, "test": 0.76, "gap": 0.22, "ci95": [0.2, 0.24]}
    leak |= {"uar": {"train": 0.98, "test": 0.76}, "speakers": {"train": 8, "test": 2}}
    length = {"accuracy": 0.35, "majority": 0.31, "gain": 0.04, "ci95": [0.0, 0.08]}
    nothing = dict.fromkeys(("speakers", "dialogues", "sessions", "partners"))
    value = {
        "schema": "memr.audit/1",
        **_made_on(experiment),
        "subset": experiment.subset,
        "findings": [dict(zip(keys, one, strict=True)) for one in findings],
        "counts": {"info": 1, "warning": 1, "severe": 1},
        "probes": {
            "shared": nothing,
            "classes": {},
            "speakers": {"smallest_fold": 226, "smallest_speaker": 100, "speakers": 10},
            "scripts": None,
            "modalities": {
                name: {
                    "label_leak": leak,
                    "speaker_identity": identity,
                    "length": length,
                }
                for name in experiment.modalities
            },
        },
        "notes": ["outliers cannot be told"],
        "n": 1336,
        "files": {"audit": ""},
    }
    return _write(root / "audits" / f"{experiment.protocol}.json", value, changes)


def _made_on(experiment: Experiment) -> dict[str, Any]:
    return {
        "store": experiment.store,
        "fingerprint": experiment.fingerprint,
        "synthetic": experiment.synthetic,
        "protocol": {"name": experiment.protocol, "description": experiment.description},
    }


def _write(path: Path, value: dict[str, Any], changes: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**value, **changes}, allow_nan=False))
    return path
