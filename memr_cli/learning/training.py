"""The training loop: the models of all folds and seeds step together, each at its own pace.

Each model goes through its own epochs: when its rows are used up it is validated, shuffles and
goes on, whatever the others do; when it is done it leaves the stack and costs nothing more. Every
model draws start weights, order of rows and dropout from a generator of its own, and nothing is
summed over models, so its numbers do not depend on what else is trained beside it.

Letters: N utterances, D input dims, M models in the stack, B batch rows, C classes.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.errors import UnsupportedError
from memr_cli.learning.network import StackedNetworks
from memr_cli.learning.scaling import CHUNK, Scaler
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import Progress

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all models learn from.

    features: (N, D) float32, NaN where a modality is missing; may be a view of a wider matrix.
    labels: (N,) class index, -1 unlabelled. n_raw: so many last features are not standardised.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.integer]
    n_classes: int
    n_raw: int = 0


@dataclass(frozen=True, eq=False)
class Task:
    """One model to train: on `rows`, for `epochs` at most, its epoch chosen on `validation`.

    An empty `validation` keeps the last epoch. `seed` names the model's generator.
    """

    rows: Rows
    validation: Rows
    epochs: int
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network: weights (D, H), bias (H,) of each layer in turn, and how it came about.

    epochs: how many were run; best_epoch: from 1, the one whose weights these are; train_loss: mean
    cross-entropy over that epoch; validation_score: F1-micro then, None without validation rows.
    """

    weights: list[NDArray[np.float32]]
    scaler: Scaler
    epochs: int
    best_epoch: int
    train_loss: float
    validation_score: float | None


def train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    progress: Progress,
    description: str,
) -> Iterator[tuple[int, Trained]]:
    """Train every task's model; yields its place in `tasks` and the model as each is done."""
    with _memory_told_apart():
        yield from _train(inputs, tasks, settings, progress, description)


def _train(
    inputs: Inputs,
    tasks: Sequence[Task],
    settings: TrainingSettings,
    progress: Progress,
    description: str,
) -> Iterator[tuple[int, Trained]]:
    stack = _Stack(inputs, tasks, settings)
    total = sum(task.epochs for task in tasks)
    for finished in progress(stack.epochs(), description, total=total, unit="epoch"):
        if finished is not None:
            yield finished


@contextmanager
def _memory_told_apart() -> Iterator[None]:
    """Raise MemoryError for what the library reports as a RuntimeError of its allocator."""
    try:
        yield
    except RuntimeError as error:
        if "alloc" in str(error).lower():
            raise MemoryError(str(error)) from error
        raise


def predict(
    weights: Sequence[NDArray[np.float32]], scaler: Scaler, inputs: Inputs, rows: Rows
) -> NDArray[np.float64]:
    """Class probabilities (n, C) of one network for `rows`."""
    network = StackedNetworks.of_weights(weights)
    features = torch.from_numpy(inputs.features)
    mean, scale = torch.from_numpy(scaler.mean), torch.from_numpy(scaler.scale)
    probabilities = [
        torch.softmax(network.forward(_standardised(features, chunk[None], mean, scale))[-1][0], 1)
        for chunk in torch.split(torch.from_numpy(rows), CHUNK)
    ]
    return torch.cat(probabilities).double().numpy()


def _standardised(features: Tensor, rows: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """The batches `rows` (M, B) of features, standardised: (M, B, D). What is missing becomes 0.

    Done batch by batch, since a standardised copy of the features for each fold would be most of
    the memory. 0 is the training mean.
    """
    batch = features.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)
    return batch.sub_(mean).div_(scale).nan_to_num_(0.0)


@dataclass(eq=False)
class _Model:
    """How far one model of the stack has come.

    batches: (steps, B) the rows of this epoch; counted: (steps, B) 1, or 0 for a row that only
    fills up the last batch.
    """

    place: int
    task: Task
    generator: np.random.Generator
    batches: Tensor = field(default_factory=lambda: torch.empty(0))
    counted: Tensor = field(default_factory=lambda: torch.empty(0))
    step: int = 0
    epoch: int = 0
    best: Trained | None = None

    def shuffle(self, batch_size: int) -> None:
        """Lay out the next epoch."""
        n_rows = len(self.task.rows)
        n_steps = -(-n_rows // batch_size)
        order = torch.from_numpy(self.generator.permutation(self.task.rows))
        filling = order[:1].expand(n_steps * batch_size - n_rows)
        self.batches = torch.cat([order, filling]).view(n_steps, batch_size)
        self.counted = torch.ones(n_steps * batch_size)
        self.counted[n_rows:] = 0
        self.counted = self.counted.view(n_steps, batch_size)
        self.step = 0


class _Stack:
    """The models still in training; model i is row i of every stacked tensor."""

    def __init__(self, inputs: Inputs, tasks: Sequence[Task], settings: TrainingSettings) -> None:
        self.inputs, self.settings = inputs, settings
        self.features = torch.from_numpy(inputs.features)
        self.labels = torch.tensor(inputs.labels, dtype=torch.int64)
        self.models = [
            _Model(place, task, np.random.default_rng(task.seed))
            for place, task in enumerate(tasks)
        ]
        self.scalers = [Scaler.fitted(inputs.features, t.rows, inputs.n_raw) for t in tasks]
        self.mean = torch.stack([torch.from_numpy(s.mean) for s in self.scalers]).unsqueeze(1)
        self.scale = torch.stack([torch.from_numpy(s.scale) for s in self.scalers]).unsqueeze(1)
        hidden = settings.hidden
        sizes = (inputs.features.shape[1], hidden, hidden // 2, inputs.n_classes)
        generators = [model.generator for model in self.models]
        self.network = StackedNetworks.initialised(sizes, generators, settings.dropout)
        self.optimizer = optimizer_for(self.network, settings)
        self.averaged = self.network.select(range(len(tasks)))
        self.n_steps = 0
        self.loss = torch.zeros(len(tasks))  # summed over the rows of each model's running epoch

    def epochs(self) -> Iterator[tuple[int, Trained] | None]:
        """Train to the end. Yields after each epoch of a model: the model if done, else None."""
        for model in self.models:
            model.shuffle(self.settings.batch_size)
        while self.models:
            self._step()
            going_on = []
            for index, model in enumerate(self.models):
                model.step += 1
                if model.step < len(model.batches):
                    going_on.append(index)
                    continue
                trained = self._end_epoch(index)
                if trained is None:
                    going_on.append(index)
                    model.shuffle(self.settings.batch_size)
                yield None if trained is None else (model.place, trained)
            if len(going_on) < len(self.models):
                self._keep(going_on)

    def _step(self) -> None:
        """One batch forward and backward for every model, and one step of the optimiser."""
        rows = torch.stack([model.batches[model.step] for model in self.models])  # (M, B)
        counted = torch.stack([model.counted[model.step] for model in self.models])
        batch = _standardised(self.features, rows, self.mean, self.scale)
        values = self.network.forward(batch, [model.generator for model in self.models])
        log_probabilities = torch.log_softmax(values[-1], dim=2)  # (M, B, C)
        labels = self.labels[rows].unsqueeze(2)
        self.loss -= (log_probabilities.gather(2, labels).squeeze(2) * counted).sum(dim=1)
        # The gradient of the mean cross-entropy: (probability - 1 for the true class) / rows.
        gradient = log_probabilities.exp_()
        gradient.scatter_add_(2, labels, torch.full_like(labels, -1, dtype=gradient.dtype))
        gradient.mul_((counted / counted.sum(dim=1, keepdim=True)).unsqueeze(2))
        self.network.backward(values, gradient)
        self.optimizer.step()
        self._average()

    def _average(self) -> None:
        """Move the running mean of the weights; in the first steps it forgets faster."""
        self.n_steps += 1
        past = min(self.settings.averaging, self.n_steps / (self.n_steps + 10))
        self.averaged.parameters.lerp_(self.network.parameters, 1 - past)

    def _end_epoch(self, index: int) -> Trained | None:
        """Validate model `index` and note how it stands. Returns it if that was its last epoch."""
        model = self.models[index]
        model.epoch += 1
        loss = float(self.loss[index]) / len(model.task.rows)
        self.loss[index] = 0
        if not math.isfinite(loss):
            raise UnsupportedError(
                f"training diverged in epoch {model.epoch}: the loss is no longer a number. "
                "Give a smaller --learning-rate."
            )
        score = self._validated(index) if len(model.task.validation) else None
        last = model.epoch == model.task.epochs
        if score is None:
            return self._snapshot(index, loss, None) if last else None
        if model.best is None or score > (model.best.validation_score or 0.0):
            model.best = self._snapshot(index, loss, score)
        patience = self.settings.patience
        if patience is not None and model.epoch - model.best.best_epoch >= patience:
            last = True
        return replace(model.best, epochs=model.epoch) if last else None

    def _snapshot(self, index: int, loss: float, score: float | None) -> Trained:
        model = self.models[index]
        weights, scaler = self.averaged.weights_of(index), self.scalers[index]
        return Trained(weights, scaler, model.epoch, model.epoch, loss, score)

    def _validated(self, index: int) -> float:
        """F1-micro of model `index` on its validation rows, which for single labels is accuracy."""
        rows = torch.from_numpy(self.models[index].task.validation)
        network = self.averaged.select([index])
        n_right = 0
        for chunk in torch.split(rows, CHUNK):
            batch = _standardised(self.features, chunk[None], self.mean[index], self.scale[index])
            predicted = network.forward(batch)[-1][0].argmax(dim=1)
            n_right += int((predicted == self.labels[chunk]).sum())
        return n_right / len(rows)

    def _keep(self, indices: list[int]) -> None:
        """Drop the models that are done, so that they cost nothing more."""
        self.models = [self.models[index] for index in indices]
        self.scalers = [self.scalers[index] for index in indices]
        self.mean, self.scale = self.mean[indices], self.scale[indices]
        self.loss = self.loss[indices]
        self.averaged = self.averaged.select(indices)
        if self.models:
            old, old_optimizer = self.network, self.optimizer
            self.network = old.select(indices)
            self.optimizer = optimizer_for(self.network, self.settings)
            state = old_optimizer.state[old.parameters]
            self.optimizer.state[self.network.parameters] = {
                name: value if name == "step" else value[indices] for name, value in state.items()
            }


def optimizer_for(network: StackedNetworks, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser of all stacked models: Adam works weight by weight, so they don't mix.

    `fused` makes one pass over the weights of what else is a dozen.
    """
    network.allocate_gradients()
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    return kind(
        [network.parameters],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
