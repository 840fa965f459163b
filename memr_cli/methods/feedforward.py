"""A feed-forward network over one or several modalities: the shape that several methods share."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.dataset import Dataset
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.choices import Preset
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask, Need, Presence
from memr_cli.progress import Progress

if TYPE_CHECKING:
    from memr_cli.learning.training import Block, Fitted, Inputs, Trained


@dataclass(frozen=True)
class FeedForward:
    """Standardised features → hidden → ReLU → half as many → ReLU → classes.

    `choose` picks the modalities from those held, or raises UnsupportedError.

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

    def only(self, modalities: Sequence[str]) -> "FeedForward":
        """The same network of these modalities alone, under a name of its own."""
        chosen = tuple(modalities)
        return replace(
            self,
            name=f"{self.name}@{'+'.join(chosen)}",
            summary=f"{self.summary}: {', '.join(chosen)} alone",
            is_fusion=len(chosen) > 1,
            choose=lambda _: chosen,
        )

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities, or with all where nothing says which."""
        has = np.stack(list(present.values()))
        decide = np.logical_or if settings.presence_indicator else np.logical_and
        usable: NDArray[np.bool_] = decide.reduce(has)
        return usable

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train the tasks together; yields place and model as each is done."""
        from memr_cli.learning.training import Task, train

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
        inputs = self._inputs(data, settings)
        with closing(train(inputs, given, settings, device, progress, self.name)) as trained:
            for place, fitted in trained:
                yield place, _model(fitted, refit=settings.refit)

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, C) class probabilities. What an utterance lacks counts as the training mean."""
        from memr_cli.learning.training import predict
        from memr_cli.scaling import Scaler

        scaler = Scaler(arrays["scaler.mean"], arrays["scaler.scale"])
        layers = {name: array for name, array in arrays.items() if name.startswith("layers.")}
        used = self.modalities(tuple(data.dims))
        lacking = not all(data.present[name][rows].all() for name in used)
        inputs = replace(self._inputs(data, settings), incomplete=lacking)
        return predict(layers, scaler, inputs, rows)

    def _inputs(self, data: Dataset, settings: TrainingSettings) -> "Inputs":
        from memr_cli.learning.training import Inputs

        modalities = self.modalities(tuple(data.dims))
        presence = self._presence(data, settings)
        return Inputs(
            features=data.features(modalities, presence),
            labels=data.columns.label,
            n_classes=len(data.class_names),
            n_raw=len(presence),
            # Without columns that say what is present, only rows that have everything train.
            incomplete=any(name in data.incomplete for name in presence),
            blocks=_blocks([data.dims[name] for name in modalities], modalities, presence),
        )

    def _presence(self, data: Dataset, settings: TrainingSettings) -> list[str]:
        """The modalities with a column that says where they are present, in the columns' order.

        Those that some utterance lacks; all of them where training hides modalities, so that the
        network is told.
        """
        modalities = self.modalities(tuple(data.dims))
        if not settings.presence_indicator or len(modalities) == 1:
            return []
        incomplete = [name for name in modalities if name in data.incomplete]
        complete = [name for name in modalities if name not in data.incomplete]
        return incomplete + complete if settings.modality_dropout else incomplete


def _blocks(
    dims: Sequence[int], modalities: Sequence[str], presence: Sequence[str]
) -> tuple["Block", ...]:
    """Where the columns of each modality lie: side by side, the presence columns behind them."""
    from memr_cli.learning.training import Block

    ends = list(accumulate(dims))
    column = {name: ends[-1] + place for place, name in enumerate(presence)}
    return tuple(
        Block(end - dim, end, column.get(name))
        for name, dim, end in zip(modalities, dims, ends, strict=True)
    )


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
