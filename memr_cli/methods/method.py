"""What a method is. Nothing here or in the method modules imports torch when it is loaded.

Letters: N utterances of the store, n rows asked for, M members of a vote, C classes.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from memr_cli.dataset import Dataset
from memr_cli.evaluation.protocols import Fold
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.choices import Preset
from memr_cli.progress import Progress

SELECTION = "selection."
"""Begins the names of a refitted model's arrays before the refit."""

Arrays = Mapping[str, NDArray[np.float32]]
Presence = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One fold to train with one seed. The fold holds only rows that the method can use."""

    fold: Fold
    seed: int


@dataclass(frozen=True, eq=False)
class FoldModel:
    """What training one fold gave: arrays to keep, and how it went.

    epochs: how many were run to choose; best_epoch: the one chosen, from 1; train_loss: of the
    final model, in its last epoch; validation_f1_micro: None where nothing was held out.
    """

    arrays: Arrays
    epochs: int
    best_epoch: int
    train_loss: float
    validation_f1_micro: float | None


@runtime_checkable
class TrainedMethod(Protocol):
    """A method with weights of its own."""

    name: str
    summary: str
    is_fusion: bool

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        """Those it uses of the modalities held. Raises UnsupportedError where they don't do."""
        ...

    def settings(self, preset: Preset, overrides: Mapping[str, Any]) -> TrainingSettings:
        """How it is trained. Raises UsageError for an override that cannot work."""
        ...

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) which utterances it can learn from and score; `present` has those it uses."""
        ...

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train the tasks together on a device; yields place and model as each is done.

        Who stops earlier closes the generator.
        """
        ...

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, C) class probabilities, also of rows that lack some of its modalities."""
        ...

    def only(self, modalities: Sequence[str]) -> "TrainedMethod":
        """The same method of some of its modalities alone, under a name of its own."""
        ...


@dataclass(frozen=True, eq=False)
class Decision:
    """What a combination of members decided: predicted (n,), probabilities (n, C), tied (n,)."""

    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    tied: NDArray[np.bool_]


@runtime_checkable
class CombiningMethod(Protocol):
    """A method that trains nothing itself and combines what its members predict."""

    name: str
    summary: str
    is_fusion: bool

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """The trained methods it needs. Raises UnsupportedError where there are too few."""
        ...

    def usable(self, members_usable: NDArray[np.bool_], preset: Preset) -> NDArray[np.bool_]:
        """(N,) which utterances it can score, from which each member can (M, N)."""
        ...

    def combine(self, probabilities: NDArray[np.float64], present: NDArray[np.bool_]) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        ...


Method = TrainedMethod | CombiningMethod
