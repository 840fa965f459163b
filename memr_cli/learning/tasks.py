"""What is to be trained, and how far each model has come. B batch rows."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from memr_cli.scaling import Scaler

Rows = NDArray[np.int64]
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
    """One task under way: its stage, and where it is in its epoch.

    batches: (steps, B) the rows of this epoch. shares: (steps, B) how much each counts in the mean
    over its batch, 0 for a row that only fills up the last one.
    """

    batches: torch.Tensor
    shares: torch.Tensor

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

    @property
    def steps_left(self) -> int:
        """Batches to come in this epoch."""
        return len(self.batches) - self.step

    def shuffle(self, batch_size: int, device: torch.device) -> None:
        """Lay out the next epoch."""
        n_rows = len(self.rows)
        n_steps = -(-n_rows // batch_size)
        order = torch.from_numpy(self.generator.permutation(self.rows))
        filling = order[:1].expand(n_steps * batch_size - n_rows)
        self.batches = torch.cat([order, filling]).view(n_steps, batch_size).to(device)
        shares = torch.full((n_steps * batch_size,), 1 / batch_size)
        n_last = n_rows - (n_steps - 1) * batch_size
        shares[-batch_size:] = 1 / n_last
        shares[n_rows:] = 0
        self.shares = shares.view(n_steps, batch_size).to(device)
        self.step = 0
