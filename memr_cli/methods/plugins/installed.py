"""A method of another package, as memr's other trained methods.

memr decides which rows a method is trained on, and never passes it what it must not learn from. It
checks what the method returns, so that a fault is reported with its cause.

Letters: N utterances of the store, n rows asked for, C classes.
"""

import importlib
import os
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

from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import Scaler
from memr_cli.errors import MethodUnsupportedError
from memr_cli.learning.devices import one_thread
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
from memr_cli.methods.plugins.interface import Classifier, Rows, StandardisedView, rows_shown
from memr_cli.progress import Progress
from memr_cli.vocabulary import Preset

OWN = "model."
"""Begins the names of the arrays that the method returned."""

TOLERANCE = 1e-4
"""Largest distance from 1 of the sum of a row's probabilities: float32 is no more exact."""

WANDERING = 1e-3
"""Largest change of a probability with the other rows of X: GPUs compute batches of other sizes in
other ways, in as few as 10 bits."""

_FOLDERS = "|".join(
    re.escape(f"{Path(file).parent}{os.sep}") for file in (__file__, importlib.__file__)
)
_OURS = re.compile(rf"^(?:{_FOLDERS}|<frozen importlib)")
"""Files between memr and the package's code in a traceback."""


@dataclass(frozen=True)
class Package:
    """The installed distribution of a method.

    source: the hash of its source files. requires: the versions of its declared dependencies.
    """

    name: str
    version: str
    source: str
    requires: Mapping[str, str]

    def __str__(self) -> str:
        return f"package {self.name} {self.version}"


@dataclass(frozen=True, kw_only=True)
class InstalledSettings(TrainingSettings):
    """Settings of a method of another package. Values for networks alone are None."""

    package: Package

    @classmethod
    def of(cls, package: Package, preset: Preset) -> "InstalledSettings":
        """With preset default: validation, a refit, and utterances that lack a modality."""
        default = preset is Preset.DEFAULT
        values: dict[str, Any] = {field.name: None for field in fields(TrainingSettings)}
        values |= {"refit": default, "presence_indicator": default}
        return cls(**values, package=package)

    def __post_init__(self) -> None:
        """Check nothing: there are no values."""


@dataclass(frozen=True)
class InstalledMethod:
    """A trained method over a class as `interface.Classifier` describes it.

    `choose` picks the modalities from those held, or raises UnsupportedError.

    It trains as networks do: with preset `default` on the training rows without validation, which
    model is kept for what is fitted on validation rows later, and then on all of them. It has no
    epochs, so its one pass counts as epoch 1; its training loss is the mean negative log
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
        """Return those it uses of the modalities held. Raises UnsupportedError if it cannot."""
        return self.choose(held)

    def settings(
        self,
        preset: Preset,
        overrides: Mapping[str, Any],  # noqa: ARG002 - of networks; none has an effect here
    ) -> InstalledSettings:
        """Return how it is trained, with its package."""
        return InstalledSettings.of(self.package, preset)

    def only(self, modalities: Sequence[str]) -> "InstalledMethod":
        """Return the same method of these modalities alone, under a name of its own."""
        return replace(self, **alone(self.name, self.summary, modalities))

    def usable(self, present: Presence, settings: TrainingSettings) -> NDArray[np.bool_]:
        """(N,) utterances with any of its modalities, or with all of them in preset original."""
        has = np.stack(list(present.values()))
        return usable(has, any_will_do=settings.presence_indicator)

    def fit(
        self,
        data: Dataset,
        tasks: Sequence[FoldTask],
        settings: TrainingSettings,
        device: str,  # noqa: ARG002 - it chooses its own
        progress: Progress,
    ) -> Generator[tuple[int, FoldModel], None, None]:
        """Train one task after the other; yields its number and the model when each is done.

        Raises MethodUnsupportedError where the method fails or breaks the interface.
        """
        for number in progress(range(len(tasks)), self.name, total=len(tasks), unit="model"):
            yield number, self._fitted(data, tasks[number], settings)

    def predict(
        self,
        arrays: Arrays,
        data: Dataset,
        settings: TrainingSettings,  # noqa: ARG002 - the protocol's signature
        rows: Rows,
    ) -> NDArray[np.float64]:
        """Return class probabilities (n, C). Raises MethodUnsupportedError as `fit`."""
        own = {
            name.removeprefix(OWN): array.copy()
            for name, array in arrays.items()
            if name.startswith(OWN)
        }
        view = self._view(data, Scaler(arrays["scaler.mean"], arrays["scaler.scale"]))
        shown, asked = rows_shown(data, rows, whole_dialogues=self._whole_dialogues)
        with self._running("from_arrays"):
            classifier = self.classifier.from_arrays(own)
        with self._running("predict_proba"):
            found = np.asarray(classifier.predict_proba(view.utterances(shown)))
        return self._probabilities(found, (len(shown), len(data.class_names)))[asked]

    @property
    def _whole_dialogues(self) -> bool:
        return Need.DIALOGUES in self.needs

    def _view(self, data: Dataset, scaler: Scaler) -> StandardisedView:
        frames = Need.FRAMES in self.needs
        return StandardisedView(data, self.modalities(tuple(data.dims)), scaler, frames)

    def _fitted(self, data: Dataset, task: FoldTask, settings: TrainingSettings) -> FoldModel:
        fold = task.fold
        with self._running("its constructor"):
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

    def _learned(
        self, classifier: Classifier, data: Dataset, rows: Rows, validation: Rows, seed: int
    ) -> dict[str, NDArray[np.float32]]:
        """Train on `rows` with their scaler; return the arrays to keep."""
        scaler = Scaler.fitted(data.features(self.modalities(tuple(data.dims))), rows)
        view, whole = self._view(data, scaler), self._whole_dialogues
        given = view.labelled(rows, whole_dialogues=whole)
        held_out = view.labelled(validation, whole_dialogues=whole) if validation.size else None
        n_classes = len(data.class_names)
        with self._running("fit"):
            classifier.fit(*given, n_classes=n_classes, seed=seed, validation=held_out)
        with self._running("to_arrays"):
            arrays = {
                str(name): np.asarray(value) for name, value in dict(classifier.to_arrays()).items()
            }
        own = {f"{OWN}{name}": self._as_float32(name, array) for name, array in arrays.items()}
        return {"scaler.mean": scaler.mean, "scaler.scale": scaler.scale, **own}

    def _broken(self, fault: str) -> MethodUnsupportedError:
        return MethodUnsupportedError(
            f"method {self.name} of {self.package} failed: {fault}. Mend or update the package, or "
            "leave the method out."
        )

    @contextmanager
    def _running(self, function: str) -> Iterator[None]:
        """Run code of the package, on one thread, its output on stderr.

        Raises MethodUnsupportedError for any exception except those of the system or the user.
        """
        try:
            with one_thread(), redirect_stdout(sys.stderr):
                yield
        except MemoryError:
            raise
        except (Exception, SystemExit) as error:
            raise self._broken(f"{function} raised {in_one_line(error)}") from error

    def _as_float32(self, name: str, given: NDArray[Any]) -> NDArray[np.float32]:
        """Convert an array that is kept. float64 is rounded; other losses are refused.

        Raises MethodUnsupportedError for anything but numbers, for whole numbers that float32
        cannot hold, and for what would become infinite.
        """
        if given.dtype.kind not in "biuf":
            raise self._broken(
                f"to_arrays gave {name} of type {given.dtype}, expected numbers; keep text and "
                "objects as numbers, or make them anew in from_arrays"
            )
        with np.errstate(over="ignore"):
            kept = np.array(given, np.float32, order="C")
        integers = given.dtype.kind in "iu"
        lost = kept.astype(np.float64) != given if integers else np.isinf(kept) & np.isfinite(given)
        if lost.any():
            raise self._broken(
                f"to_arrays gave {name} with {given[lost].flat[0]}, which float32 cannot hold; "
                "whole numbers are exact up to 16777216"
            )
        return kept

    def _probabilities(self, found: NDArray[Any], expected: tuple[int, int]) -> NDArray[np.float64]:
        """Divide each row of what predict_proba returned by its sum.

        Raises MethodUnsupportedError for another shape than expected, (n, C), and for rows that
        are no probabilities.
        """
        if found.shape != expected or found.dtype.kind not in "fiub":
            raise self._broken(
                f"predict_proba gave an array of shape {found.shape} and type {found.dtype}, "
                f"expected numbers of shape {expected}: a row an utterance, a column a class"
            )
        given = found.astype(np.float64)
        total = given.sum(axis=1, keepdims=True)
        fine = (given >= 0) & (abs(total - 1) <= TOLERANCE)  # NaN is neither
        if not fine.all():
            row = int(np.flatnonzero(~fine.all(axis=1))[0])
            shown = ", ".join(f"{value:.4g}" for value in given[row])
            raise self._broken(
                f"predict_proba gave no probabilities in row {row}: {shown}; expected numbers "
                "from 0 up that sum to 1"
            )
        probabilities: NDArray[np.float64] = given / total
        return probabilities

    def _check_steady(
        self,
        arrays: Arrays,
        data: Dataset,
        settings: TrainingSettings,
        rows: Rows,
        among_others: NDArray[np.float64],
    ) -> None:
        """Predict a few of the rows again, or all rows of a few of their dialogues.

        Raises MethodUnsupportedError where the answers differ from those among all rows (n, C).
        """
        whole = self._whole_dialogues
        units = data.dialogues.of[rows] if whole else np.arange(len(rows))
        each = np.unique(units)
        few = np.isin(units, each[:: max(2, -(-len(each) // 3))])
        before, after = among_others[few], self.predict(arrays, data, settings, rows[few])
        moved = abs(before - after)
        if moved.max(initial=0) <= WANDERING:
            return
        largest = np.unravel_index(moved.argmax(), moved.shape)
        raise self._broken(
            f"predict_proba gave {before[largest]:.4g} for a class of an utterance that it was "
            f"asked of among others, and {after[largest]:.4g} with fewer others; expected the "
            f"same, since it is to depend on {'its dialogue' if whole else 'the utterance'} alone: "
            "not on what else is in X, such as the mean of its rows, nor on chance"
        )


def in_one_line(error: BaseException) -> str:
    """Describe an exception of the package's code: its type, its text, and where it arose."""
    text = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not _OURS.search(frame.filename)]
    where = f" ({Path(theirs[-1].filename).name}, line {theirs[-1].lineno})" if theirs else ""
    return f"{type(error).__name__}{': ' if text else ''}{text}{where}"
