"""What tests of evaluations share: running one, and reading what it wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.results.predictions import Predictions

Run = Callable[..., Any]
QUICK = ("--epochs", "2")


def evaluated(memr: Run, store: Path, *arguments: str | Path) -> dict[str, dict[str, Any]]:
    """The objects of one run by method, which have to come out."""
    ran = memr("evaluate", "--store", store, *QUICK, *arguments)
    assert ran.code == 0, ran.stderr
    return {result["method"]: result for result in ran.lines}


def asking(*methods: str) -> list[str]:
    return [word for method in methods for word in ("--method", method)]


def predictions(folder: Path, method: str, protocol: str = "speaker") -> Predictions:
    return Predictions.read(folder / "predictions" / protocol / f"{method}.csv")


def by_utterance(found: Predictions, seed: int) -> dict[str, NDArray[np.float64]]:
    """Probabilities (C,) under one seed."""
    rows = np.flatnonzero(found.seed == seed)
    return {found.utterances[row]: found.probabilities[row] for row in rows}
