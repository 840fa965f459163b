"""What a method is. Nothing here or in the method modules imports torch when it is loaded.

Letters: N utterances of the store, n rows asked for, M members of a combination, C classes, G
modalities that a method uses.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.evaluation.protocols import Fold
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import Progress
from memr_cli.vocabulary import Preset

SELECTION = "selection."
"""Begins the names of a refitted model's arrays before the refit."""

Arrays = Mapping[str, NDArray[np.float32]]
Fitted = Mapping[str, NDArray[np.float64]]
"""What a combination learned of its members' probabilities, by name."""
Presence = Mapping[str, NDArray[np.bool_]]


class Need(StrEnum):
    """What a method needs of a store beyond pooled features."""

    FRAMES = "frames"
    """The frames of every modality it uses."""
    DIALOGUES = "dialogues"
    """Utterances in dialogues. What it says of one depends on the others of its dialogue."""


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

    @property
    def name(self) -> str:
        """What `--method` calls it."""
        ...

    @property
    def summary(self) -> str:
        """What it does, in a few words."""
        ...

    @property
    def is_fusion(self) -> bool:
        """Whether it uses several modalities."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """What it needs of a store beyond pooled features."""
        ...

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


@runtime_checkable
class WeighingMethod(Protocol):
    """A trained method that weighs the modalities of each utterance and can say how."""

    def weights(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, G) the weight of each modality it uses: 0 where missing, 1 in all for a row."""
        ...


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided: predicted (n,), probabilities (n, C), tied (n,) in a vote."""

    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    tied: NDArray[np.bool_]


@runtime_checkable
class CombiningMethod(Protocol):
    """A method that trains no network itself and combines what its members predict.

    votes: whether its probabilities are shares of votes, which say nothing of confidence. learns:
    whether it is fitted, on validation rows that its members did not train on.
    """

    name: str
    summary: str
    is_fusion: bool
    votes: bool
    learns: bool

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """The trained methods it needs. Raises UnsupportedError where there are too few."""
        ...

    def usable(self, members_usable: NDArray[np.bool_], preset: Preset) -> NDArray[np.bool_]:
        """(N,) which utterances it can score, from which each member can (M, N)."""
        ...

    def fit(
        self,
        probabilities: NDArray[np.float64],
        present: NDArray[np.bool_],
        labels: NDArray[np.int64],
    ) -> Fitted:
        """What n rows with labels (n,) teach about members' probabilities (M, n, C).

        present: (M, n), who has any. Nothing for a method that does not learn, nor where the rows
        are too few to teach anything.
        """
        ...

    def combine(
        self, probabilities: NDArray[np.float64], present: NDArray[np.bool_], fitted: Fitted
    ) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        ...


Method = TrainedMethod | CombiningMethod
