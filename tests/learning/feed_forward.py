"""Training and predicting with the feed-forward network of the settings, or another."""

from collections.abc import Generator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.scaling import Scaler
from memr_cli.learning import prediction, training
from memr_cli.learning.feedforward import FeedForwardArchitecture
from memr_cli.learning.inputs import Inputs, Rows
from memr_cli.learning.loop import Fitted, Task
from memr_cli.learning.networks import Architecture
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import Progress


def train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    device: str,
    progress: Progress,
    description: str,
    architecture: Architecture | None = None,
) -> Generator[tuple[int, Fitted], None, None]:
    shape = architecture or FeedForwardArchitecture.of(inputs, settings)
    return training.train(inputs, tasks, settings, device, progress, description, shape)


def predict(
    arrays: Mapping[str, NDArray[np.float32]],
    scaler: Scaler,
    inputs: Inputs,
    rows: Rows,
    architecture: Architecture | None = None,
) -> NDArray[np.float64]:
    shape = architecture or FeedForwardArchitecture(sizes_of(arrays))
    return prediction.predict(arrays, scaler, inputs, rows, shape)


def sizes_of(arrays: Mapping[str, NDArray[np.float32]]) -> tuple[int, ...]:
    """The sizes (D, H…, C) of a feed-forward network, from its arrays by name."""
    depths = range(sum(name.endswith(".weight") for name in arrays))
    weights = [arrays[f"layers.{depth}.weight"] for depth in depths]
    return (weights[0].shape[0], *(weight.shape[1] for weight in weights))
