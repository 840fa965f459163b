"""Training many small networks at once, and predicting with one.

Letters: N utterances, n rows asked for, D input dims, C classes.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from memr_cli.data.scaling import Scaler
from memr_cli.learning.architecture import Architecture, Arrays
from memr_cli.learning.inputs import Inputs, Rows
from memr_cli.learning.module import ModuleArchitecture, Weighing
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.stack import Material
from memr_cli.learning.tasks import Fitted, Task
from memr_cli.learning.workers import Ended, Workers
from memr_cli.progress import Progress


class Told:
    """What to tell of training while it lasts: how well models do on validation rows."""

    def __init__(self) -> None:
        self._scores: dict[int, float] = {}

    def __call__(self, ended: Ended) -> str:
        """The mean over models, of the last epoch that was validated of each."""
        if ended.score is not None:
            self._scores[ended.place] = ended.score
        if not self._scores:
            return ""
        return f"validation F1-micro {sum(self._scores.values()) / len(self._scores):.1%}"


def train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    device: str,
    progress: Progress,
    description: str,
    architecture: Architecture,
) -> Generator[tuple[int, Fitted], None, None]:
    """Train every task's model; yields its place in `tasks` and the model as each is done.

    device: cpu or cuda. Close the generator to stop earlier. Raises UnsupportedError where training
    diverges, MemoryError where there is too little.
    """
    with _memory_told_apart():
        material = Material.prepared(inputs, settings, architecture, device)
        most = sum(task.epochs * (1 if task.refit is None else 2) for task in tasks)
        with closing(Workers(material, tasks).ended()) as ended:
            told = Told()
            for epoch in progress(ended, description, total=most, unit="epoch", told=told):
                if epoch.fitted is not None:
                    yield epoch.place, epoch.fitted


@contextmanager
def _memory_told_apart() -> Iterator[None]:
    """Raise MemoryError for what libraries report as a RuntimeError: no memory, or no thread."""
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if any(sign in text for sign in ("alloc", "out of memory", "start new thread")):
            raise MemoryError(str(error)) from error
        raise


def predict(
    arrays: Arrays, scaler: Scaler, inputs: Inputs, rows: Rows, architecture: Architecture
) -> NDArray[np.float64]:
    """Class probabilities (n, C) of one network, whose arrays have names, for `rows`."""
    network = architecture.networks(architecture.flat(arrays).unsqueeze(0))
    probabilities = np.empty((len(rows), inputs.n_classes))
    for places, given in _given(scaler, inputs, rows):
        probabilities[places] = torch.softmax(network.forward(given)[-1][0], 1).double().numpy()
    return probabilities


def weigh(
    arrays: Arrays, scaler: Scaler, inputs: Inputs, rows: Rows, architecture: Architecture
) -> NDArray[np.float64]:
    """(n, G) the weights of modalities: what the module's `weights` finds for rows (n,)."""
    if not isinstance(architecture, ModuleArchitecture):
        raise TypeError("only a module weighs modalities")
    module = cast("Weighing", architecture.module(architecture.flat(arrays)))
    found = [
        (places, module.weights(given[0]).double().numpy())
        for places, given in _given(scaler, inputs, rows)
    ]
    weights = np.empty((len(rows), found[0][1].shape[1]))
    for places, part in found:
        weights[places] = part
    return weights


def _given(scaler: Scaler, inputs: Inputs, rows: Rows) -> Iterator[tuple[Rows, Any]]:
    """Where the rows of each chunk stand among `rows`, and what a network is given for them."""
    feed = inputs.feed("cpu")
    mean = torch.from_numpy(scaler.mean).view(1, 1, -1)
    inverse = torch.from_numpy(1 / scaler.scale).view(1, 1, -1)
    for places in inputs.chunks(rows):
        yield places, feed.given(torch.from_numpy(rows[places]).unsqueeze(0), mean, inverse)
