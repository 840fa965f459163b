"""Seconds an epoch of memr's trainer, set-up aside: trainer_worker.py DEVICE answers requests.

The trainer is run twice, for one epoch and for `epochs` more, and what the latter took longer is
what those epochs took: loading, standardising, first weights and handing over the models are in
both. All models have equally many rows, and none is validated.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from race_workers import serve

from memr_cli.learning.feedforward import FeedForwardArchitecture
from memr_cli.learning.loop import Task
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.training import train
from memr_cli.methods import early, network
from memr_cli.progress import silent
from memr_cli.vocabulary import Preset

NO_ROWS = np.empty(0, np.int64)


WARM_UP = {"method": "visual", "dim": 8, "classes": 2, "batch": 32, "epochs": 1}
WARM_UP |= {"models": 2, "utterances": 64, "rows": 32}
"""A request whose answer nobody wants: what is loaded when first used is loaded by it."""


def epoch_seconds(request: Mapping[str, Any], device: str) -> float:
    """Seconds that one epoch of all models takes, as `request` describes them."""
    rng = np.random.default_rng(0)
    n = request["utterances"]
    inputs = PooledInputs(
        features=rng.random((n, request["dim"]), np.float32),
        labels=rng.integers(request["classes"], size=n),
        n_classes=request["classes"],
        incomplete=False,
    )
    rows = [rng.permutation(n)[: request["rows"]] for _ in range(request["models"])]
    settings = training_settings(request["method"])
    shape = FeedForwardArchitecture.of(inputs, settings)
    if settings.batch_size != request["batch"]:
        raise ValueError(f"the preset has batches of {settings.batch_size}")

    def seconds(epochs: int) -> float:
        tasks = [
            Task(np.sort(each), NO_ROWS, None, epochs, (0, model))
            for model, each in enumerate(rows)
        ]
        started = time.perf_counter()
        for _ in train(inputs, tasks, settings, device, silent, "benchmark", shape):
            pass
        return time.perf_counter() - started

    once = seconds(1)
    return (seconds(1 + request["epochs"]) - once) / float(request["epochs"])


def training_settings(method: str) -> TrainingSettings:
    """Those of preset `original`, which neither validates nor stops early."""
    presets = early.PRESETS if method == "early" else network.PRESETS
    return presets[Preset.ORIGINAL]


def main() -> None:
    """Run as a program."""
    device = sys.argv[1]
    epoch_seconds(WARM_UP, device)
    serve(lambda request: epoch_seconds(request, device))


if __name__ == "__main__":
    main()
