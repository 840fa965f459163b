"""The interface of methods. No module of `methods` imports torch when it is loaded.

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
"""Arrays that a combination learned from its members' probabilities, by name."""
Presence = Mapping[str, NDArray[np.bool_]]


class Need(StrEnum):
    """Data beyond pooled features that a method needs."""

    FRAMES = "frames"
    """The frames of every modality it uses."""
    DIALOGUES = "dialogues"
    """Utterances in dialogues. Its prediction depends on the other utterances of the dialogue."""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """One fold to train with one seed. The fold holds only rows that the method can use."""

    fold: Fold
    seed: int


@dataclass(frozen=True, eq=False)
class FoldModel:
    """The result of training one fold: arrays to keep, and facts about the training.

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
        """Its name for `--method`."""
        ...

    @property
    def summary(self) -> str:
        """A description in a few words."""
        ...

    @property
    def is_fusion(self) -> bool:
        """Whether it uses several modalities."""
        ...

    @property
    def needs(self) -> frozenset[Need]:
        """The data that it needs beyond pooled features."""
        ...

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        """Return those it uses of the modalities held. Raises UnsupportedError if it cannot."""
        ...

    def settings(self, preset: Preset, overrides: Mapping[str, Any]) -> TrainingSettings:
        """Return its settings. Raises UsageError for an override that cannot work."""
        ...

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances that it can learn from and score. `present`: of its modalities."""
        ...

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train the tasks on a device; yields the number of each and its model when it is done.

        Close the generator to stop earlier.
        """
        ...

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return class probabilities (n, C), also of rows that lack some of its modalities."""
        ...

    def only(self, modalities: Sequence[str]) -> "TrainedMethod":
        """Return the same method of these modalities alone, under a name of its own."""
        ...


@runtime_checkable
class WeighingMethod(Protocol):
    """A trained method that computes a weight for each modality of each utterance."""

    def weights(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the weight of each modality it uses (n, G): 0 where missing; rows sum to 1."""
        ...


@dataclass(frozen=True, eq=False)
class Decision:
    """Decisions for n rows: predicted (n,), probabilities (n, C), tied (n,) in a vote."""

    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    tied: NDArray[np.bool_]


@runtime_checkable
class CombiningMethod(Protocol):
    """A method that combines the predictions of trained methods, its members.

    votes: whether its probabilities are shares of votes, which are no confidence. learns: whether
    it is fitted, on validation rows that its members did not train on.
    """

    name: str
    summary: str
    is_fusion: bool
    votes: bool
    learns: bool

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """Return the names of its members. Raises UnsupportedError where there are too few."""
        ...

    def usable(self, members_usable: NDArray[np.bool_], preset: Preset) -> NDArray[np.bool_]:
        """(N,) utterances that it can score, from those that each member can (M, N)."""
        ...

    def fit(
        self,
        probabilities: NDArray[np.float64],
        present: NDArray[np.bool_],
        labels: NDArray[np.int64],
    ) -> Fitted:
        """Learn from members' probabilities (M, n, C) for n rows with labels (n,).

        present: (M, n) true where a member has probabilities. Empty for a method that does not
        learn, and where the rows are too few.
        """
        ...

    def combine(
        self, probabilities: NDArray[np.float64], present: NDArray[np.bool_], fitted: Fitted
    ) -> Decision:
        """Decide n rows by the members' probabilities (M, n, C), of those present (M, n)."""
        ...


Method = TrainedMethod | CombiningMethod


def alone(name: str, summary: str, modalities: Sequence[str]) -> dict[str, Any]:
    """Return the fields to replace in a method of this name that uses these modalities alone."""
    chosen = tuple(modalities)
    return {
        "name": f"{name}@{'+'.join(chosen)}",
        "summary": f"{summary}: {', '.join(chosen)} alone",
        "is_fusion": len(chosen) > 1,
        "choose": lambda _: chosen,
    }


def usable(has: NDArray[np.bool_], *, any_will_do: bool) -> NDArray[np.bool_]:
    """(N,) utterances that have any of what is needed, or all of it. has: (M, N)."""
    decide = np.logical_or if any_will_do else np.logical_and
    found: NDArray[np.bool_] = decide.reduce(has)
    return found
