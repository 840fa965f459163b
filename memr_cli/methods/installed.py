"""A method that another package has: between its few functions and what memr asks of a method.

Who trains on which rows is decided here, not there: a method is never shown what it may not learn
from. What it says is checked, so that a fault in it is told as one.

Letters: N utterances of the store, n rows asked for, C classes, D features of a modality.
"""

import re
import sys
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.dataset import Dataset
from memr_cli.errors import MethodUnsupportedError, UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.choices import Preset
from memr_cli.methods.interface import Classifier
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask, Need, Presence
from memr_cli.methods.showing import Showing, rows_shown
from memr_cli.progress import Progress
from memr_cli.scaling import Scaler

OWN = "model."
"""Begins the names of the arrays that the method gave."""

_OURS = re.compile(rf"^{re.escape(str(Path(__file__).parent))}|importlib")
"""Files on the way from memr to other people's code."""

TOLERANCE = 1e-4
"""How far the probabilities of a row may be from 1 in all: float32 is no more exact."""


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
        chosen = tuple(modalities)
        return replace(
            self,
            name=f"{self.name}@{'+'.join(chosen)}",
            summary=f"{self.summary}: {', '.join(chosen)} alone",
            is_fusion=len(chosen) > 1,
            choose=lambda _: chosen,
        )

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities, or with all in preset original."""
        decide = np.logical_or if settings.presence_indicator else np.logical_and
        usable: NDArray[np.bool_] = decide.reduce(np.stack(list(present.values())))
        return usable

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
        with self._code("from_arrays"):
            classifier = self.classifier.from_arrays(own)
        with self._code("predict_proba"):
            said = np.asarray(classifier.predict_proba(showing.utterances(shown)))
        return self._probabilities(said, (len(shown), len(data.class_names)))[asked]

    @property
    def _whole_dialogues(self) -> bool:
        return Need.DIALOGUES in self.needs

    def _fitted(self, data: Dataset, task: FoldTask, settings: TrainingSettings) -> FoldModel:
        fold = task.fold
        with self._code("its constructor"):
            classifier = self.classifier()
        sequence = np.random.SeedSequence((task.seed, fold.index))
        seed = int(sequence.generate_state(1, np.uint32)[0])
        selected = self._learned(classifier, data, fold.fit, fold.validation, seed)
        final, before, score = selected, {}, None
        if fold.validation.size:
            probabilities = self.predict(selected, data, settings, fold.validation)
            hits = probabilities.argmax(axis=1) == data.columns.label[fold.validation]
            score = float(hits.mean())
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
        with self._code("fit"):
            classifier.fit(*given, n_classes=n_classes, seed=seed, validation=held_out)
        with self._code("to_arrays"):
            kept = {str(name): array for name, array in dict(classifier.to_arrays()).items()}
        own = {f"{OWN}{name}": self._as_float32(name, array) for name, array in kept.items()}
        return {"scaler.mean": scaler.mean, "scaler.scale": scaler.scale, **own}

    def _showing(self, data: Dataset, scaler: Scaler) -> Showing:
        frames = Need.FRAMES in self.needs
        return Showing(data, self.modalities(tuple(data.dims)), scaler, frames=frames)

    def _as_float32(self, name: str, value: Any) -> NDArray[np.float32]:
        """An array that is kept. float64 is rounded; what would become another number is refused.

        Raises MethodUnsupportedError for what is no number, whole numbers that float32 cannot hold,
        and what would become infinite.
        """
        with self._code("to_arrays"):
            given = np.asarray(value)
        if given.dtype.kind not in "biuf":
            raise self._broken(
                f"to_arrays gave {name} of type {given.dtype}, expected numbers; keep text and "
                "objects as numbers, or make them anew in from_arrays"
            )
        with np.errstate(over="ignore"):
            kept = np.array(given, np.float32, order="C")
        whole = given.dtype.kind in "iu"
        lost = kept.astype(np.float64) != given if whole else np.isinf(kept) & np.isfinite(given)
        if lost.any():
            raise self._broken(
                f"to_arrays gave {name} with {given[lost].flat[0]}, which float32 cannot hold; "
                "whole numbers are exact up to 16777216"
            )
        return kept

    def _probabilities(self, said: NDArray[Any], expected: tuple[int, int]) -> NDArray[np.float64]:
        if said.shape != expected or said.dtype.kind not in "fiub":
            raise self._broken(
                f"predict_proba gave an array of shape {said.shape} and type {said.dtype}, "
                f"expected numbers of shape {expected}: a row an utterance, a column a class"
            )
        probabilities = said.astype(np.float64)
        total = probabilities.sum(axis=1, keepdims=True)
        fine = (probabilities >= 0) & (abs(total - 1) <= TOLERANCE)  # NaN is neither
        if not fine.all():
            row = int(np.flatnonzero(~fine.all(axis=1))[0])
            shown = ", ".join(f"{value:.4g}" for value in probabilities[row])
            raise self._broken(
                f"predict_proba gave no probabilities in row {row}: {shown}; expected numbers "
                "from 0 up that sum to 1"
            )
        whole: NDArray[np.float64] = probabilities / total
        return whole

    def _broken(self, what: str) -> MethodUnsupportedError:
        return MethodUnsupportedError(
            f"method {self.name} of {self.package} failed: {what}. Mend or update the package, or "
            "leave the method out."
        )

    @contextmanager
    def _code(self, function: str) -> Iterator[None]:
        """Around what the package does: its exceptions become ours, and what it prints no result.

        Raises MethodUnsupportedError for any exception but those of the system or the person.
        """
        try:
            with redirect_stdout(sys.stderr):
                yield
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise self._broken(f"{function} raised {told(error)}") from error


def told(error: BaseException) -> str:
    """An exception of other people's code in one line: what it says, and where it arose."""
    says = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not _OURS.search(frame.filename)]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}{': ' if says else ''}{says}{where}"


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
