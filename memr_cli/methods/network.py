"""A method that is one trained network, whatever its family.

Letters: N utterances of the store, n rows asked for, G modalities, C classes.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import (
    SELECTION,
    Arrays,
    FoldModel,
    FoldTask,
    Need,
    Presence,
    alone,
    usable,
)
from memr_cli.progress import Progress
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.learning.inputs import Inputs
    from memr_cli.learning.loop import Fitted, Trained
    from memr_cli.learning.networks import Architecture
    from memr_cli.learning.pooled import PooledInputs

Prepared = tuple["Inputs", "Architecture"]

PRESETS = {
    # Dropout does not raise the best validation score, but keeps it from falling after a few
    # epochs, so that the choice of the epoch matters less.
    Preset.DEFAULT: TrainingSettings(
        hidden=128,
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=1e-2,
        batch_size=64,
        dropout=0.5,
        averaging=0.99,
        epochs=50,
        patience=8,
        refit=True,
        presence_indicator=False,
    ),
    Preset.ORIGINAL: TrainingSettings(
        hidden=128,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=1e-5,
        batch_size=32,
        dropout=0.0,
        averaging=0.0,
        epochs=50,
        patience=None,
        refit=False,
        presence_indicator=False,
    ),
}
"""Settings of a small feed-forward network, from which those of other networks derive."""


@dataclass(frozen=True)
class NetworkMethod:
    """One network per fold and seed.

    A family of networks declares: `choose`, which picks the modalities from those held or raises
    UnsupportedError; `presets`; `needs` beyond pooled features; and `prepare`, which returns the
    inputs and the architecture for a dataset, the modalities used and settings.

    With preset `default` the epoch is chosen on validation speakers from the training side, and the
    model then trained again on all training rows for that many epochs. Without the validation
    speakers, about two thirds of a small corpus remain, which make a worse model. The refit needs
    no held-out label. The model from before it is kept too: what is fitted on validation rows later
    (weights of a fusion, temperatures) needs one that has not seen them.
    """

    name: str
    summary: str
    is_fusion: bool
    choose: Callable[[Sequence[str]], tuple[str, ...]]
    presets: Mapping[Preset, TrainingSettings]
    prepare: Callable[[Dataset, Sequence[str], Any], Prepared]
    needs: frozenset[Need] = frozenset()

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        """Return those it uses of the modalities held. Raises UnsupportedError if it cannot."""
        return self.choose(held)

    def settings(self, preset: Preset, overrides: Mapping[str, Any]) -> TrainingSettings:
        """Return its settings. Raises UsageError for an override that cannot work.

        A single modality is never hidden in training.
        """
        settings = self.presets[preset].changed(overrides)
        return settings if self.is_fusion else replace(settings, modality_dropout=0.0)

    def only(self, modalities: Sequence[str]) -> "NetworkMethod":
        """Return the same method of these modalities alone, under a name of its own."""
        return replace(self, **alone(self.name, self.summary, modalities))

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities; without presence indicator, with all."""
        has = np.stack(list(present.values()))
        return usable(has, any_will_do=settings.presence_indicator)

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train the tasks together; yields a task's number and model when it is done."""
        from memr_cli.learning.loop import Task
        from memr_cli.learning.training import train

        given = [
            Task(
                rows=task.fold.fit,
                validation=task.fold.validation,
                refit=task.fold.train if settings.refit else None,
                epochs=settings.epochs,
                seed=(task.seed, task.fold.index),
            )
            for task in tasks
        ]
        inputs, architecture = self._prepared(data, settings)
        training = train(inputs, given, settings, device, progress, self.name, architecture)
        with closing(training) as trained:
            for number, fitted in trained:
                yield number, _model(fitted, refit=settings.refit)

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return class probabilities (n, C), whichever modalities utterances have."""
        from memr_cli.learning.prediction import predict

        inputs, architecture = self._prepared(data, settings)
        return predict(_weights(arrays), _scaler(arrays), inputs, rows, architecture)

    def _prepared(self, data: Dataset, settings: TrainingSettings) -> Prepared:
        return self.prepare(data, self.modalities(tuple(data.dims)), settings)


@dataclass(frozen=True)
class WeighingNetwork(NetworkMethod):
    """A network that computes a weight for each modality of each utterance."""

    def weights(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the weight of each modality it uses (n, G): 0 where missing; rows sum to 1."""
        from memr_cli.learning.prediction import modality_weights

        inputs, architecture = self._prepared(data, settings)
        return modality_weights(_weights(arrays), _scaler(arrays), inputs, rows, architecture)


def _scaler(arrays: Arrays) -> Scaler:
    return Scaler(arrays["scaler.mean"], arrays["scaler.scale"])


def _weights(arrays: Arrays) -> Arrays:
    other = ("scaler.", SELECTION)
    return {name: array for name, array in arrays.items() if not name.startswith(other)}


def _model(fitted: "Fitted", *, refit: bool) -> FoldModel:
    final, selected = fitted.final, fitted.selected
    before = _named(SELECTION, selected) if refit else {}
    return FoldModel(
        arrays={**_named("", final), **before},
        epochs=selected.epochs,
        best_epoch=selected.best_epoch,
        train_loss=final.train_loss,
        validation_f1_micro=selected.validation_score,
    )


def _named(prefix: str, trained: "Trained") -> dict[str, NDArray[np.float32]]:
    scaler = {"scaler.mean": trained.scaler.mean, "scaler.scale": trained.scaler.scale}
    return {f"{prefix}{name}": array for name, array in {**scaler, **trained.arrays}.items()}


def side_by_side(
    data: Dataset, modalities: Sequence[str], presence: Sequence[str]
) -> "PooledInputs":
    """Return the pooled features of modalities side by side, as inputs of a network.

    Presence columns of the modalities in `presence` follow, those that some utterance lacks first.
    """
    from memr_cli.learning.inputs import Block
    from memr_cli.learning.pooled import PooledInputs

    indicated = [name for name in modalities if name in presence]
    indicated.sort(key=lambda name: name not in data.incomplete)
    dims = [data.dims[name] for name in modalities]
    ends = list(accumulate(dims))
    column = {name: ends[-1] + index for index, name in enumerate(indicated)}
    return PooledInputs(
        features=data.features(modalities, indicated),
        labels=data.columns.label,
        n_classes=len(data.class_names),
        n_raw=len(indicated),
        incomplete=not all(data.present[name].all() for name in modalities),
        blocks=tuple(
            Block(end - dim, end, column.get(name))
            for name, dim, end in zip(modalities, dims, ends, strict=True)
        ),
    )
