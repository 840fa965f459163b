"""The training loop: many small models that step together.

The models of several folds and seeds are stacked, so that one operation serves all of them. Each
goes through its own epochs: when its rows are used up it is validated, shuffles and continues,
whatever the others do. It draws start weights, the order of rows and dropout from its own
generator, and nothing is summed over models, so its numbers do not depend on the rest of the stack:
bit for bit where rows of a batch times units of a layer are a multiple of 16, as with the presets.
Elsewhere the matrix library rounds by memory address, and weights differ by some 1e-6.

Read `Stack.advance`, `Stack.step`, `Stack.end_epoch`, in this order.

Letters: M models in the stack, B batch rows, D features, C classes, P parameters of one model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.errors import UnsupportedError
from memr_cli.learning.inputs import Batch, Feed, Inputs, Rows
from memr_cli.learning.networks import Architecture
from memr_cli.learning.optimizer import Adam, class_weights, loss_gradient
from memr_cli.learning.settings import TrainingSettings
from memr_cli.vocabulary import ClassWeights

STEPS_AT_ONCE = 50
"""Steps between two checks whether to stop or to share models with an idle thread."""

NO_ROWS: Rows = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Task:
    """One model to train: on `rows`, for at most `epochs`, its epoch chosen on `validation`.

    An empty `validation` keeps the last epoch. With `refit`, the model is then trained again on
    those rows for as many epochs as were chosen. `seed` seeds the model's generators.
    """

    rows: Rows
    validation: Rows
    refit: Rows | None
    epochs: int
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network: its arrays by name, and its training.

    epochs: how many were run; best_epoch: from 1, the one whose weights these are; train_loss: mean
    cross-entropy over that epoch; validation_score: F1-micro then, None without validation rows.
    """

    arrays: dict[str, NDArray[np.float32]]
    scaler: Scaler
    epochs: int
    best_epoch: int
    train_loss: float
    validation_score: float | None


@dataclass(frozen=True, eq=False)
class Fitted:
    """The result of a task: `final` to use; `selected` from before the refit, if there was one."""

    selected: Trained
    final: Trained


@dataclass(frozen=True, eq=False)
class Material:
    """The data and settings that all stacks of one training share. labels: (N,) on the device."""

    inputs: Inputs
    settings: TrainingSettings
    architecture: Architecture
    device: torch.device
    feed: Feed
    labels: Tensor
    _scalers: dict[bytes, Scaler] = field(default_factory=dict)

    @classmethod
    def prepared(
        cls, inputs: Inputs, settings: TrainingSettings, architecture: Architecture, device: str
    ) -> "Material":
        """Bring the data to a device, cpu or cuda."""
        labels = torch.tensor(inputs.labels, dtype=torch.int64, device=device)
        feed = inputs.feed(device)
        return cls(inputs, settings, architecture, torch.device(device), feed, labels)

    def scaler(self, rows: Rows) -> Scaler:
        """Fit a scaler on rows, once for all seeds."""
        key = rows.tobytes()
        if key not in self._scalers:
            self._scalers[key] = self.inputs.scaler(rows)
        return self._scalers[key]


class Run:
    """The progress of one task: its rows now, its epoch, and its step among the batches."""

    batches: Sequence[Batch]

    def __init__(self, number: int, task: Task) -> None:
        self.number, self.task = number, task
        self.selected: Trained | None = None
        self._begin(0, task.rows, task.validation, task.epochs)

    def refit(self, selected: Trained, rows: Rows) -> None:
        """Begin again on `rows`, for as many epochs as were chosen."""
        self.selected = selected
        self._begin(1, rows, NO_ROWS, selected.best_epoch)

    def _begin(self, stage: int, rows: Rows, validation: Rows, epochs: int) -> None:
        self.rows, self.validation, self.epochs = rows, validation, epochs
        self.generator = np.random.default_rng((*self.task.seed, stage))
        self.epoch = self.step = self.n_steps = 0
        self.best: Trained | None = None
        self.score: float | None = None

    @property
    def steps_left(self) -> int:
        """Batches to come in this epoch."""
        return len(self.batches) - self.step


@dataclass(frozen=True, eq=False)
class State:
    """The tensors of M models, one row each.

    parameters, their running mean `averaged`, and Adam's first and second moments: (M, P), but
    averaged is (M, 0) where no mean is kept. steps: (M,) of Adam. mean, inverse: of the features
    and of their scale, (M, 1, D). loss: (M,) summed over the current epoch. class_weights: (M, C).
    """

    parameters: Tensor
    averaged: Tensor
    first: Tensor
    second: Tensor
    steps: Tensor
    mean: Tensor
    inverse: Tensor
    loss: Tensor
    class_weights: Tensor

    @classmethod
    def empty(cls, material: Material, n_models: int) -> "State":
        """Allocate the state of models that have not begun."""
        n_parameters, n_features = material.architecture.n_parameters, material.inputs.n_features

        def zeros(*shape: int) -> Tensor:
            return torch.zeros(n_models, *shape, device=material.device)

        return cls(
            parameters=zeros(n_parameters),
            averaged=zeros(n_parameters if material.settings.averaging else 0),
            first=zeros(n_parameters),
            second=zeros(n_parameters),
            steps=zeros(),
            mean=zeros(1, n_features),
            inverse=zeros(1, n_features),
            loss=zeros(),
            class_weights=zeros(material.inputs.n_classes),
        )

    def of(self, models: Sequence[int]) -> "State":
        """Copy the rows of some models, in the order given."""
        chosen = list(models)
        return State(*(getattr(self, one.name)[chosen] for one in fields(self)))


class Stack:
    """Models in training; model i is row i of every stacked tensor."""

    def __init__(self, material: Material, runs: Sequence[Run], state: State) -> None:
        self.material, self.runs, self.state = material, list(runs), state
        self.settings, self.inputs = material.settings, material.inputs
        self.networks = material.architecture.networks(state.parameters)
        moments = (state.first, state.second, state.steps)
        self.optimizer = Adam(state.parameters, self.networks.gradients, *moments, self.settings)

    @classmethod
    def begun(cls, material: Material, runs: Sequence[Run]) -> "Stack":
        """Stack runs that are at their start."""
        stack = cls(material, runs, State.empty(material, len(runs)))
        for index in range(len(runs)):
            stack.begin(index)
        return stack

    def part(self, models: Sequence[int]) -> "Stack":
        """Return a stack of some of the models, with their progress."""
        return Stack(self.material, [self.runs[i] for i in models], self.state.of(models))

    def replace(self, index: int, run: Run) -> None:
        """Replace a model that is done by a run that is at its start."""
        self.runs[index] = run
        self.begin(index)

    def begin(self, index: int) -> None:
        """Give model `index` fresh weights and its first epoch."""
        run, state = self.runs[index], self.state
        scaler = self.material.scaler(run.rows)
        state.mean[index] = torch.from_numpy(scaler.mean)
        state.inverse[index] = torch.from_numpy(1 / scaler.scale)
        self.networks.initialise(index, run.generator)
        if self.settings.averaging:
            state.averaged[index] = state.parameters[index]
        for part in (state.first, state.second, state.steps, state.loss):
            part[index] = 0
        if self.settings.class_weights is ClassWeights.BALANCED:
            weights = class_weights(self.inputs.labels[run.rows], self.inputs.n_classes)
            state.class_weights[index] = torch.from_numpy(weights)
        self._shuffle(run)

    def _shuffle(self, run: Run) -> None:
        run.batches = self.inputs.epoch(run.rows, self.settings.batch_size, run.generator)
        run.step = 0

    def advance(self) -> list[tuple[int, Fitted | None]]:
        """Step until a model ends an epoch, but at most STEPS_AT_ONCE times.

        Returns the index of each model that ended an epoch, and its result if it is done.
        """
        for _ in range(min(STEPS_AT_ONCE, *(run.steps_left for run in self.runs))):
            self.step()
        ended = [index for index, run in enumerate(self.runs) if not run.steps_left]
        return [(index, self.end_epoch(index)) for index in ended]

    def step(self) -> None:
        """One batch for every model: forward, loss, backward, Adam."""
        state, settings, feed = self.state, self.settings, self.material.feed
        generators = [run.generator for run in self.runs]
        batches = [run.batches[run.step] for run in self.runs]
        rows = self._stacked([batch.rows for batch in batches])  # (M, B)
        shares = self._stacked([batch.shares for batch in batches])  # (M, B), each row sums to 1
        labels = self.material.labels[rows]  # (M, B)

        given = feed.given(rows, state.mean, state.inverse)  # (M, B, D) for pooled features
        if settings.modality_dropout:
            feed.hide(given, settings.modality_dropout, generators)
        values = self.networks.forward(given, generators)
        scores = values[-1].detach()  # (M, B, C)

        weights = shares
        if settings.class_weights is ClassWeights.BALANCED:
            weights = shares * state.class_weights.gather(1, labels)
        log_likelihood, gradient = loss_gradient(scores, labels, weights, settings.label_smoothing)
        # All rows of an epoch count alike, not all batches: the last one may be smaller, and a row
        # that pads it, of share 0, does not count.
        state.loss.sub_((log_likelihood * (shares > 0)).sum(dim=1))

        self.networks.backward(values, gradient)  # fills (M, P)
        self.optimizer.step()
        for index, run in enumerate(self.runs):
            run.step += 1
            run.n_steps += 1
            if settings.averaging:
                # A running mean of the weights, which forgets faster in the first steps.
                past = min(settings.averaging, run.n_steps / (run.n_steps + 10))
                state.averaged[index].lerp_(state.parameters[index], 1 - past)

    def _stacked(self, parts: Sequence[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(parts)).to(self.material.device)

    def end_epoch(self, index: int) -> Fitted | None:
        """Validate model `index`, then begin its next epoch or its refit; return it if done."""
        run = self.runs[index]
        run.epoch += 1
        trained = self._validated(index)
        if trained is None:
            self._shuffle(run)
        elif run.selected is not None:
            return Fitted(run.selected, trained)
        elif run.task.refit is None:
            return Fitted(trained, trained)
        else:
            run.refit(trained, run.task.refit)
            self.begin(index)
        return None

    def _validated(self, index: int) -> Trained | None:
        """Validate model `index`; return its best epoch if this was the last one.

        Raises UnsupportedError where the loss is not finite.
        """
        run = self.runs[index]
        loss = float(self.state.loss[index]) / len(run.rows)
        self.state.loss[index] = 0
        if not math.isfinite(loss):
            raise UnsupportedError(
                f"training diverged in epoch {run.epoch}: the loss is no longer a number. "
                "Give a smaller --learning-rate."
            )
        last = run.epoch == run.epochs
        if not len(run.validation):
            return self._snapshot(index, loss, None) if last else None
        score = run.score = self._score(index)
        if run.best is None or score > (run.best.validation_score or 0.0):
            run.best = self._snapshot(index, loss, score)
        patience = self.settings.patience
        if patience is not None and run.epoch - run.best.best_epoch >= patience:
            last = True
        return replace(run.best, epochs=run.epoch) if last else None

    def _weights(self, index: int) -> Tensor:
        """The weights (P,) of model `index` that are validated and kept."""
        state = self.state
        return (state.averaged if self.settings.averaging else state.parameters)[index]

    def _snapshot(self, index: int, loss: float, score: float | None) -> Trained:
        run = self.runs[index]
        arrays = self.material.architecture.named(self._weights(index))
        scaler = self.material.scaler(run.rows)
        return Trained(arrays, scaler, run.epoch, run.epoch, loss, score)

    def _score(self, index: int) -> float:
        """F1-micro of model `index` on its validation rows: for single labels, its accuracy."""
        material, rows, one = self.material, self.runs[index].validation, slice(index, index + 1)
        network = material.architecture.networks(self._weights(index).unsqueeze(0))
        n_right = 0
        for positions in self.inputs.chunks(rows):
            chunk = torch.from_numpy(rows[positions]).to(material.device)  # (B,)
            scaling = self.state.mean[one], self.state.inverse[one]  # (1, 1, D) each
            given = material.feed.given(chunk.unsqueeze(0), *scaling)
            predicted = network.forward(given)[-1][0].argmax(dim=1)  # (B,), of scores (1, B, C)
            n_right += int((predicted == material.labels[chunk]).sum())
        return n_right / len(rows)
