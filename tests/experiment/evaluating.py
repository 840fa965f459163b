"""What tests of evaluations share: running one, and reading what it wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.learning.checkpoints import read
from memr_cli.results.predictions import Predictions

Run = Callable[..., Any]
QUICK = ("--epochs", "3")
"""As the fixture `evaluated_store` is evaluated."""


def evaluated(
    memr: Run, store: Path, *arguments: str | Path, command: str = "evaluate"
) -> dict[str, dict[str, Any]]:
    """The objects of one run by method, which has to succeed."""
    ran = memr(command, "--store", store, *QUICK, *arguments)
    assert ran.code == 0, ran.stderr
    return {result["method"]: result for result in ran.lines}


def asking(*methods: str) -> list[str]:
    return [word for method in methods for word in ("--method", method)]


def predictions(store: Path, method: str, protocol: str = "speaker") -> Predictions:
    return Predictions.read(store.parent / "predictions" / protocol / f"{method}.csv")


def by_utterance(found: Predictions, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Probabilities (C,) under one seed."""
    rows = np.flatnonzero(found.seed == seed)
    return {found.utterances[row]: found.probabilities[row] for row in rows}


def arrays_before_refit(store: Path, method: str, seed: int = 0) -> dict[str, Any]:
    """The first fold's model that did not train on validation rows."""
    path = store.parent / f"checkpoints/speaker/{method}/seed{seed}/fold0.safetensors"
    return {
        name.removeprefix("selection."): array
        for name, array in read(path).arrays.items()
        if name.startswith("selection.")
    }


def garbled(*speakers: str) -> Callable[[list[dict[str, str]]], None]:
    """An edit of the listing that gives every labelled turn of these speakers another label."""

    def edit(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["speakers"] in speakers and row["emotion_labels"]:
                row["emotion_labels"] = str((int(row["emotion_labels"]) + 1) % 4)

    return edit


def without(
    modality: str, *speakers: str, but: tuple[str, ...] = ()
) -> Callable[[list[dict[str, str]]], None]:
    """An edit of the listing that takes a modality from these speakers, or from all but some."""

    def edit(rows: list[dict[str, str]]) -> None:
        for row in rows:
            if row["speakers"] in speakers or (but and row["speakers"] not in but):
                row[f"{modality}_features"] = ""

    return edit
