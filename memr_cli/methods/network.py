"""A method that is one trained network: the shape that all families of networks share."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask, Need, Presence
from memr_cli.methods.modalities import alone, usable
from memr_cli.progress import Progress
from memr_cli.vocabulary import Preset

if TYPE_CHECKING:
    from memr_cli.learning.architecture import Architecture
    from memr_cli.learning.inputs import Inputs
    from memr_cli.learning.tasks import Fitted, Trained

Prepared = tuple["Inputs", "Architecture"]


@dataclass(frozen=True)
class NetworkMethod:
    """One network a fold and seed.

    `choose` picks the modalities from those held, or raises UnsupportedError. `prepare` gives, for
    a dataset, the modalities used and settings, what the network is fed and what it looks like.

    In preset `default` the epoch is chosen on validation speakers from the training side, and the
    model then trained anew on all training rows for that many epochs. The two thirds or so of a
    small corpus that remain without the validation speakers would be a worse model, and training
    on beyond the best epoch costs as much; the refit needs no second look at any held-out label.
    The model from before the refit is kept too: what is fitted on validation rows later (weights
    of a fusion, temperatures) needs one that has not seen them.
    """

    name: str
    summary: str
    is_fusion: bool
    choose: Callable[[Sequence[str]], tuple[str, ...]]
    presets: Mapping[Preset, TrainingSettings]
    prepare: Callable[[Dataset, Sequence[str], Any], Prepared]
    needs: frozenset[Need] = frozenset()

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        """Those it uses of the modalities held. Raises UnsupportedError where they don't do."""
        return self.choose(held)

    def settings(self, preset: Preset, overrides: Mapping[str, Any]) -> TrainingSettings:
        """How it is trained. Raises UsageError for an override that cannot work.

        One modality alone is never hidden.
        """
        settings = self.presets[preset].changed(overrides)
        return settings if self.is_fusion else replace(settings, modality_dropout=0.0)

    def only(self, modalities: Sequence[str]) -> "NetworkMethod":
        """The same method of these modalities alone, under a name of its own."""
        return replace(self, **alone(self.name, self.summary, modalities))

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities, or with all where nothing says which."""
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
        """Train the tasks together; yields place and model as each is done."""
        from memr_cli.learning.tasks import Task
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
            for place, fitted in trained:
                yield place, _model(fitted, refit=settings.refit)

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, C) class probabilities, of whatever modalities utterances have."""
        from memr_cli.learning.training import predict

        inputs, architecture = self._prepared(data, settings)
        return predict(_weights(arrays), _scaler(arrays), inputs, rows, architecture)

    def _prepared(self, data: Dataset, settings: TrainingSettings) -> Prepared:
        return self.prepare(data, self.modalities(tuple(data.dims)), settings)


@dataclass(frozen=True)
class WeighingNetwork(NetworkMethod):
    """A network that weighs the modalities of each utterance."""

    def weights(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, G) the weight of each modality it uses: 0 where missing, 1 in all for a row."""
        from memr_cli.learning.training import weigh

        inputs, architecture = self._prepared(data, settings)
        return weigh(_weights(arrays), _scaler(arrays), inputs, rows, architecture)


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
