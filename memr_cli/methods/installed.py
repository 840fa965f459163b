"""A method that another package has: between its few functions and what memr asks of a method.

Who trains on which rows is decided here, not there: a method is never shown what it may not learn
from. What it says is checked, so that a fault in it is told as one.

Letters: N utterances of the store, n rows asked for, C classes, D features of a modality.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.errors import UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.faults import Faults
from memr_cli.methods.interface import Classifier
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask, Need, Presence
from memr_cli.methods.modalities import alone, usable
from memr_cli.methods.views import Showing, rows_shown
from memr_cli.progress import Progress
from memr_cli.vocabulary import Preset

OWN = "model."
"""Begins the names of the arrays that the method gave."""


@dataclass(frozen=True)
class Package:
    """An installed distribution: whose code a method is.

    source: the hash of its source files. requires: the versions of what it says it needs.
    """

    name: str
    version: str
    source: str
    requires: Mapping[str, str]

    def __str__(self) -> str:
        return f"package {self.name} {self.version}"


@dataclass(frozen=True, kw_only=True)
class InstalledSettings(TrainingSettings):
    """How memr has a method of a package trained. What is for networks alone is None."""

    package: Package

    @classmethod
    def of(cls, package: Package, preset: Preset) -> "InstalledSettings":
        """In preset default with validation, a refit, and utterances that lack a modality."""
        ours = preset is Preset.DEFAULT
        values: dict[str, Any] = {field.name: None for field in fields(TrainingSettings)}
        values |= {"refit": ours, "presence_indicator": ours}
        return cls(**values, package=package)

    def __post_init__(self) -> None:
        """There is no value to check."""


@dataclass(frozen=True)
class InstalledMethod:
    """A trained method over a class as `interface.Classifier` describes it.

    `choose` picks the modalities from those held, or raises UnsupportedError.

    It trains as networks do: in preset `default` on the part of the training rows that validation
    leaves, which is kept for what is fitted on validation rows later, and then on all of them. It
    has no epochs, so that one pass is told of each; its training loss is the mean negative log
    probability of the labels that it trained on.
    """

    name: str
    summary: str
    is_fusion: bool
    needs: frozenset[Need]
    choose: Callable[[Sequence[str]], tuple[str, ...]]
    package: Package
    classifier: type[Classifier]

    def modalities(self, held: Sequence[str]) -> tuple[str, ...]:
        """Those it uses of the modalities held. Raises UnsupportedError where they don't do."""
        return self.choose(held)

    def settings(
        self,
        preset: Preset,
        overrides: Mapping[str, Any],  # noqa: ARG002 - of networks; none has an effect here
    ) -> InstalledSettings:
        """Which rows it is trained on, and whose code it is."""
        return InstalledSettings.of(self.package, preset)

    def only(self, modalities: Sequence[str]) -> "InstalledMethod":
        """The same method of these modalities alone, under a name of its own."""
        return replace(self, **alone(self.name, self.summary, modalities))

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities, or with all in preset original."""
        has = np.stack(list(present.values()))
        return usable(has, any_will_do=settings.presence_indicator)

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,  # noqa: ARG002 - it trains where it likes
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train one task after the other; yields place and model as each is done.

        Raises MethodUnsupportedError where the method fails or breaks its word.
        """
        places = progress(range(len(tasks)), self.name, total=len(tasks), unit="model")
        for place in places:
            yield place, self._fitted(data, tasks[place], settings)

    def predict(
        self, arrays: Arrays, data: Dataset, settings: TrainingSettings, rows: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n, C) class probabilities. Raises MethodUnsupportedError as `fit`."""
        del settings
        own = {
            name.removeprefix(OWN): array.copy()
            for name, array in arrays.items()
            if name.startswith(OWN)
        }
        showing = self._showing(data, Scaler(arrays["scaler.mean"], arrays["scaler.scale"]))
        shown, asked = rows_shown(data, rows, whole_dialogues=self._whole_dialogues)
        with self._faults.code("from_arrays"):
            classifier = self.classifier.from_arrays(own)
        with self._faults.code("predict_proba"):
            said = np.asarray(classifier.predict_proba(showing.utterances(shown)))
        expected = (len(shown), len(data.class_names))
        return self._faults.probabilities(said, expected)[asked]

    @property
    def _faults(self) -> Faults:
        return Faults(f"method {self.name} of {self.package}")

    @property
    def _whole_dialogues(self) -> bool:
        return Need.DIALOGUES in self.needs

    def _fitted(self, data: Dataset, task: FoldTask, settings: TrainingSettings) -> FoldModel:
        fold = task.fold
        with self._faults.code("its constructor"):
            classifier = self.classifier()
        sequence = np.random.SeedSequence((task.seed, fold.index))
        seed = int(sequence.generate_state(1, np.uint32)[0])
        selected = self._learned(classifier, data, fold.fit, fold.validation, seed)
        final, before, score = selected, {}, None
        if fold.validation.size:
            probabilities = self.predict(selected, data, settings, fold.validation)
            hits = probabilities.argmax(axis=1) == data.columns.label[fold.validation]
            score = float(hits.mean())
            self._check_steady(selected, data, settings, fold.validation, probabilities)
        if settings.refit:
            final = self._learned(classifier, data, fold.train, fold.validation[:0], seed)
            before = {f"{SELECTION}{name}": array for name, array in selected.items()}
        probabilities = self.predict(final, data, settings, fold.train)
        of_label = probabilities[np.arange(len(fold.train)), data.columns.label[fold.train]]
        loss = -np.log(np.maximum(of_label, np.finfo(np.float32).eps)).mean()
        return FoldModel(
            arrays={**final, **before},
            epochs=1,
            best_epoch=1,
            train_loss=float(loss),
            validation_f1_micro=score,
        )

    def _check_steady(
        self,
        arrays: Arrays,
        data: Dataset,
        settings: TrainingSettings,
        rows: NDArray[np.int64],
        among_others: NDArray[np.float64],
    ) -> None:
        """Ask again of a few of the rows, or of all rows of a few of their dialogues.

        Raises MethodUnsupportedError where the answers are others than among all the rows.
        """
        whole = self._whole_dialogues
        units = data.dialogues.of[rows] if whole else np.arange(len(rows))
        each = np.unique(units)
        few = np.isin(units, each[:: max(2, -(-len(each) // 3))])
        again = self.predict(arrays, data, settings, rows[few])
        unit = "its dialogue" if whole else "the utterance"
        self._faults.check_steady(among_others[few], again, unit)

    def _learned(
        self,
        classifier: Classifier,
        data: Dataset,
        rows: NDArray[np.int64],
        validation: NDArray[np.int64],
        seed: int,
    ) -> dict[str, NDArray[np.float32]]:
        """What the method keeps once it was trained on `rows`, with the scaler of these."""
        modalities = self.modalities(tuple(data.dims))
        scaler = Scaler.fitted(data.features(modalities), rows)
        showing = self._showing(data, scaler)
        whole = self._whole_dialogues
        given = showing.labelled(rows, whole_dialogues=whole)
        held_out = showing.labelled(validation, whole_dialogues=whole) if validation.size else None
        n_classes = len(data.class_names)
        with self._faults.code("fit"):
            classifier.fit(*given, n_classes=n_classes, seed=seed, validation=held_out)
        with self._faults.code("to_arrays"):
            kept = {str(name): array for name, array in dict(classifier.to_arrays()).items()}
        own = {f"{OWN}{name}": self._faults.as_float32(name, array) for name, array in kept.items()}
        return {"scaler.mean": scaler.mean, "scaler.scale": scaler.scale, **own}

    def _showing(self, data: Dataset, scaler: Scaler) -> Showing:
        frames = Need.FRAMES in self.needs
        return Showing(data, self.modalities(tuple(data.dims)), scaler, frames=frames)


def chooser(
    name: str, package: Package, wanted: str | Sequence[str]
) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Picks from the modalities held what a class says that it needs of them."""

    def choose(held: Sequence[str]) -> tuple[str, ...]:
        if isinstance(wanted, str):
            if wanted == "several" and len(held) < 2:
                raise UnsupportedError(
                    f"method {name} of {package} needs at least two modalities, and the store "
                    f"holds {', '.join(held)}. Ingest a corpus with more modalities."
                )
            return tuple(held)
        lacking = [modality for modality in wanted if modality not in held]
        if lacking:
            raise UnsupportedError(
                f"method {name} of {package} needs {', '.join(wanted)} features, and the store "
                f"holds {', '.join(held)}. Ingest a corpus with {', '.join(lacking)} features."
            )
        return tuple(modality for modality in held if modality in wanted)

    return choose
