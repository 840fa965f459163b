"""What is to be trained, and how far each model has come."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.scaling import Scaler
from memr_cli.learning.inputs import Batch, Inputs, Rows

NO_ROWS: Rows = np.empty(0, np.int64)
SELECTING, REFITTING = 0, 1


@dataclass(frozen=True, eq=False)
class Task:
    """One model to train: on `rows`, for `epochs` at most, its epoch chosen on `validation`.

    An empty `validation` keeps the last epoch. With `refit`, the model is then trained anew on
    those rows for as many epochs as were chosen. `seed` names the model's generators.
    """

    rows: Rows
    validation: Rows
    refit: Rows | None
    epochs: int
    seed: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, its arrays by name, and how it came about.

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
    """What a task came to: `final` to use; `selected` before the refit, or the same without one."""

    selected: Trained
    final: Trained


class Run:
    """One task under way: its stage, and where it is among the batches of its epoch."""

    batches: Sequence[Batch]

    def __init__(self, place: int, task: Task) -> None:
        self.place, self.task = place, task
        self.selected: Trained | None = None
        self._begin(SELECTING, task.rows, task.validation, task.epochs)

    def refit(self, selected: Trained, rows: Rows) -> None:
        """Begin anew on `rows`, for as many epochs as were chosen."""
        self.selected = selected
        self._begin(REFITTING, rows, NO_ROWS, selected.best_epoch)

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

    def lay_out(self, inputs: Inputs, batch_size: int) -> None:
        """Lay out the next epoch."""
        self.batches = inputs.epoch(self.rows, batch_size, self.generator)
        self.step = 0
