"""Models that step together, each at its own pace.

Each model goes through its own epochs: when its rows are used up it is validated, shuffles and goes
on, whatever the others do. Every model draws start weights, order of rows and dropout from a
generator of its own, and nothing is summed over models, so its numbers do not depend on what else
is in the stack: bit for bit where rows of a batch times units of a layer are a multiple of 16, as
with the presets. Elsewhere models lie at addresses that the matrix library rounds differently for,
and weights differ by some 1e-6.

Letters: M models in the stack, B batch rows, D features, C classes, P parameters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.errors import UnsupportedError
from memr_cli.learning.architecture import Architecture
from memr_cli.learning.inputs import Feed, Inputs, Rows
from memr_cli.learning.loss import class_weights, loss_gradient
from memr_cli.learning.optimizer import Adam, Moments
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.tasks import Fitted, Run, Trained
from memr_cli.vocabulary import ClassWeights

STEPS_AT_ONCE = 50
"""Steps between two looks at whether to stop or to share models out."""


@dataclass(frozen=True, eq=False)
class Material:
    """What every stack of one training works on, with the data on the device."""

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
        """The data brought to a device, cpu or cuda."""
        labels = torch.tensor(inputs.labels, dtype=torch.int64, device=device)
        feed = inputs.feed(device)
        return cls(inputs, settings, architecture, torch.device(device), feed, labels)

    def scaler(self, rows: Rows) -> Scaler:
        """Fitted on rows; once for all seeds, which share them."""
        key = rows.tobytes()
        if key not in self._scalers:
            self._scalers[key] = self.inputs.scaler(rows)
        return self._scalers[key]


@dataclass(frozen=True, eq=False)
class State:
    """The numbers of M models.

    parameters: (M, P), and their running mean where one is kept; mean and inverse scale of the
    features: (M, 1, D); loss: (M,) summed over the running epoch; class_weights: (M, C), how much a
    row of each class counts.
    """

    parameters: Tensor
    averaged: Tensor | None
    moments: Moments
    mean: Tensor
    inverse: Tensor
    loss: Tensor
    class_weights: Tensor

    @classmethod
    def empty(cls, material: Material, n_models: int) -> "State":
        """Room for models that have not begun."""
        device, inputs = material.device, material.inputs
        parameters = torch.zeros(n_models, material.architecture.n_parameters, device=device)
        return cls(
            parameters=parameters,
            averaged=torch.zeros_like(parameters) if material.settings.averaging else None,
            moments=Moments.none_yet(parameters),
            mean=torch.zeros(n_models, 1, inputs.n_features, device=device),
            inverse=torch.ones(n_models, 1, inputs.n_features, device=device),
            loss=torch.zeros(n_models, device=device),
            class_weights=torch.ones(n_models, inputs.n_classes, device=device),
        )

    def of(self, models: Sequence[int]) -> "State":
        """A copy for some of the models, in the order given."""
        chosen = list(models)
        return State(
            parameters=self.parameters[chosen],
            averaged=None if self.averaged is None else self.averaged[chosen],
            moments=self.moments.of(chosen),
            mean=self.mean[chosen],
            inverse=self.inverse[chosen],
            loss=self.loss[chosen],
            class_weights=self.class_weights[chosen],
        )


class Stack:
    """Models in training; model i is row i of every stacked tensor."""

    def __init__(self, material: Material, runs: Sequence[Run], state: State) -> None:
        self.material, self.runs, self.state = material, list(runs), state
        settings = material.settings
        self.networks = material.architecture.networks(state.parameters)
        self.optimizer = Adam(state.parameters, self.networks.gradients, state.moments, settings)

    @classmethod
    def begun(cls, material: Material, runs: Sequence[Run]) -> "Stack":
        """A stack of runs that are at their start."""
        stack = cls(material, runs, State.empty(material, len(runs)))
        for index in range(len(runs)):
            stack._begin(index)
        return stack

    def part(self, models: Sequence[int]) -> "Stack":
        """Some of the models by themselves, as far as they have come."""
        return Stack(self.material, [self.runs[i] for i in models], self.state.of(models))

    def replace(self, index: int, run: Run) -> None:
        """Put a run that is at its start in the place of a model that is done."""
        self.runs[index] = run
        self._begin(index)

    def _begin(self, index: int) -> None:
        run, state = self.runs[index], self.state
        scaler = self.material.scaler(run.rows)
        state.mean[index] = torch.from_numpy(scaler.mean)
        state.inverse[index] = torch.from_numpy(1 / scaler.scale)
        self.networks.initialise(index, run.generator)
        if state.averaged is not None:
            state.averaged[index] = state.parameters[index]
        state.moments.forget(index)
        state.loss[index] = 0
        if self.material.settings.class_weights is ClassWeights.BALANCED:
            labels = self.material.inputs.labels[run.rows]
            weights = class_weights(labels, self.material.inputs.n_classes)
            state.class_weights[index] = torch.from_numpy(weights)
        run.lay_out(self.material.inputs, self.material.settings.batch_size)

    def advance(self) -> list[tuple[int, Fitted | None]]:
        """Step until some model ends an epoch, or a while.

        Returns each model that ended an epoch, and what it came to if it is done.
        """
        n_steps = min(run.steps_left for run in self.runs)
        for _ in range(min(n_steps, STEPS_AT_ONCE)):
            self._step()
        ended = [index for index, run in enumerate(self.runs) if not run.steps_left]
        return [(index, self._end_epoch(index)) for index in ended]

    def _step(self) -> None:
        """One batch forward and backward for every model, and one step of the optimiser."""
        material, state, settings = self.material, self.state, self.material.settings
        batches = [run.batches[run.step] for run in self.runs]
        rows = self._stacked([batch.rows for batch in batches])  # (M, B)
        shares = self._stacked([batch.shares for batch in batches])
        given = material.feed.given(rows, state.mean, state.inverse)
        generators = [run.generator for run in self.runs]
        if settings.modality_dropout:
            material.feed.hide(given, settings.modality_dropout, generators)
        values = self.networks.forward(given, generators)
        labels = material.labels[rows]
        if settings.class_weights is ClassWeights.BALANCED:
            weighted = shares * state.class_weights.gather(1, labels)
        else:
            weighted = shares
        told, gradient = loss_gradient(values[-1].detach(), labels, weighted, settings)
        # Rows of the epoch, not batches, count alike: the last batch may be smaller.
        state.loss.sub_((told * (shares > 0)).sum(dim=1))
        self.networks.backward(values, gradient)
        self.optimizer.step()
        for run in self.runs:
            run.step += 1
        self._average()

    def _stacked(self, parts: Sequence[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(parts)).to(self.material.device)

    def _average(self) -> None:
        """Move the running means of the weights; in a model's first steps they forget faster."""
        averaged = self.state.averaged
        if averaged is None:
            return
        for index, run in enumerate(self.runs):
            run.n_steps += 1
            past = min(self.material.settings.averaging, run.n_steps / (run.n_steps + 10))
            averaged[index].lerp_(self.state.parameters[index], 1 - past)

    def _end_epoch(self, index: int) -> Fitted | None:
        """Judge model `index`, and see to what it does next. Returns what it came to if done."""
        run = self.runs[index]
        run.epoch += 1
        trained = self._judged(index)
        if trained is None:
            run.lay_out(self.material.inputs, self.material.settings.batch_size)
        elif run.selected is not None:
            return Fitted(run.selected, trained)
        elif run.task.refit is None:
            return Fitted(trained, trained)
        else:
            run.refit(trained, run.task.refit)
            self._begin(index)
        return None

    def _judged(self, index: int) -> Trained | None:
        """Validate model `index` and note how it stands. Returns it if that was its last epoch."""
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
        score = run.score = self._validated(index)
        if run.best is None or score > (run.best.validation_score or 0.0):
            run.best = self._snapshot(index, loss, score)
        patience = self.material.settings.patience
        if patience is not None and run.epoch - run.best.best_epoch >= patience:
            last = True
        return replace(run.best, epochs=run.epoch) if last else None

    def _kept_weights(self, index: int) -> Tensor:
        """The weights (P,) that are judged and kept."""
        averaged = self.state.averaged
        return (self.state.parameters if averaged is None else averaged)[index]

    def _snapshot(self, index: int, loss: float, score: float | None) -> Trained:
        run = self.runs[index]
        arrays = self.material.architecture.named(self._kept_weights(index))
        scaler = self.material.scaler(run.rows)
        return Trained(arrays, scaler, run.epoch, run.epoch, loss, score)

    def _validated(self, index: int) -> float:
        """F1-micro of model `index` on its validation rows, which for single labels is accuracy."""
        material, state, rows = self.material, self.state, self.runs[index].validation
        network = material.architecture.networks(self._kept_weights(index).unsqueeze(0))
        n_right = 0
        for places in material.inputs.chunks(rows):
            chunk = torch.from_numpy(rows[places]).to(material.device)
            mean, inverse = state.mean[index : index + 1], state.inverse[index : index + 1]
            given = material.feed.given(chunk.unsqueeze(0), mean, inverse)
            predicted = network.forward(given)[-1][0].argmax(dim=1)
            n_right += int((predicted == material.labels[chunk]).sum())
        return n_right / len(rows)
