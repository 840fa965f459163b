"""A small method that reads dialogues, and remembers what it was shown."""

# ruff: noqa: ARG002 - what a method is given is fixed

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import FoldModel, FoldTask, Need
from memr_cli.methods.network import PRESETS
from memr_cli.vocabulary import Preset

Floats = NDArray[np.floating]
Call = tuple[Dataset, NDArray[np.int64]]
"""What a prediction was asked of, and for which rows."""


@dataclass(frozen=True)
class Averaging:
    """Decides for the class whose mean is nearest to the mean of the utterance's dialogue.

    seen: every prediction, in order.
    """

    chosen: tuple[str, ...] = ("visual", "acoustic", "lexical")
    name: str = "averaging"
    summary: str = "the mean of the dialogue"
    is_fusion: bool = True
    needs: frozenset[Need] = frozenset({Need.DIALOGUES})
    seen: list[Call] = field(default_factory=list)

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        return self.chosen

    def settings(self, preset: Preset, overrides: Mapping[str, Any]) -> TrainingSettings:
        return PRESETS[preset].changed(overrides)

    def usable(
        self, present: Mapping[str, NDArray[np.bool_]], settings: TrainingSettings
    ) -> NDArray[np.bool_]:
        return np.logical_or.reduce(list(present.values()))

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,
        progress: Callable[..., Any],
    ) -> Generator[tuple[int, FoldModel], None, None]:
        averaged = self.averaged(data)
        for place, task in enumerate(tasks):
            label = data.columns.label[task.fold.train]
            means = [averaged[task.fold.train[label == c]].mean(axis=0) for c in range(4)]
            yield place, FoldModel({"means": np.stack(means)}, 1, 1, 0.0, None)

    def predict(
        self,
        arrays: Mapping[str, Floats],
        data: Dataset,
        settings: TrainingSettings,
        rows: NDArray[np.int64],
    ) -> Floats:
        self.seen.append((data, rows))
        distance = self.averaged(data)[rows][:, None] - arrays["means"]
        nearness = -(distance**2).sum(axis=2)
        shares = np.exp(nearness - nearness.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def only(self, modalities: Sequence[str]) -> "Averaging":
        chosen = tuple(modalities)
        return replace(self, chosen=chosen, name=f"{self.name}@{'+'.join(chosen)}")

    def averaged(self, data: Dataset) -> NDArray[np.float32]:
        """(N, D) a modality that the whole dialogue lacks counts 0."""
        features = data.features(self.chosen)
        there = ~np.isnan(features)
        dialogue = data.dialogues.of
        total = np.zeros((dialogue.max() + 1, features.shape[1]))
        count = np.zeros_like(total)
        np.add.at(total, dialogue, np.where(there, features, 0))
        np.add.at(count, dialogue, there)
        return (total / np.maximum(count, 1))[dialogue].astype(np.float32)
