"""Training many small networks at once, and predicting with one.

Letters: N utterances, n rows asked for, D input dims, C classes.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from memr_cli.learning.architecture import Architecture, Arrays
from memr_cli.learning.hiding import Block
from memr_cli.learning.network import FeedForwardArchitecture, sizes_of
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.stack import CHUNK, Inputs, Material, standardise
from memr_cli.learning.tasks import NO_ROWS, Fitted, Rows, Task, Trained
from memr_cli.learning.workers import Workers
from memr_cli.progress import Progress
from memr_cli.scaling import Scaler

__all__ = ["NO_ROWS", "Block", "Fitted", "Inputs", "Rows", "Task", "Trained", "predict", "train"]


def train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    device: str,
    progress: Progress,
    description: str,
    architecture: Architecture | None = None,
) -> Generator[tuple[int, Fitted], None, None]:
    """Train every task's model; yields its place in `tasks` and the model as each is done.

    device: cpu or cuda. architecture: by default the feed-forward network of the settings. Close
    the generator to stop earlier. Raises UnsupportedError where training diverges, MemoryError
    where there is too little.
    """
    with _memory_told_apart():
        place = torch.device(device)
        material = Material(
            inputs=inputs,
            settings=settings,
            architecture=architecture or feed_forward(inputs, settings),
            device=place,
            features=torch.from_numpy(inputs.features).to(place),
            labels=torch.tensor(inputs.labels, dtype=torch.int64, device=place),
            batch_size=min(settings.batch_size, len(inputs.labels)),
        )
        most = sum(task.epochs * (1 if task.refit is None else 2) for task in tasks)
        with closing(Workers(material, tasks).ended()) as ended:
            for epoch in progress(ended, description, total=most, unit="epoch"):
                if epoch.fitted is not None:
                    yield epoch.place, epoch.fitted


def feed_forward(inputs: Inputs, settings: TrainingSettings) -> FeedForwardArchitecture:
    """The network that settings describe: the second hidden layer is half the first."""
    hidden = settings.hidden
    sizes = (inputs.features.shape[1], hidden, hidden // 2, inputs.n_classes)
    return FeedForwardArchitecture(sizes, settings.dropout)


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
    arrays: Arrays,
    scaler: Scaler,
    inputs: Inputs,
    rows: Rows,
    architecture: Architecture | None = None,
) -> NDArray[np.float64]:
    """Class probabilities (n, C) of one network for `rows`.

    arrays: the network's, by name. architecture: by default the feed-forward network they make up.
    """
    shape = architecture or FeedForwardArchitecture(sizes_of(arrays))
    network = shape.networks(shape.flat(arrays).unsqueeze(0))
    features = torch.from_numpy(inputs.features)
    mean, inverse = torch.from_numpy(scaler.mean), torch.from_numpy(1 / scaler.scale)
    batch = torch.empty(1, CHUNK, features.shape[1])
    probabilities = []
    for chunk in torch.split(torch.from_numpy(rows), CHUNK):
        standardised = standardise(
            features, chunk, mean, inverse, incomplete=inputs.incomplete, out=batch[:, : len(chunk)]
        )
        probabilities.append(torch.softmax(network.forward(standardised)[-1][0], 1))
    return torch.cat(probabilities).double().numpy()
