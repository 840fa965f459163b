"""The trained models of a method: read where fresh, trained where missing or stale."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.protocols import Fold, restrict
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import training_key
from memr_cli.experiment.layouts import layout
from memr_cli.files.shapes import both, fits, maybe
from memr_cli.learning.checkpoints import (
    Checkpoint,
    CheckpointError,
    Layout,
    OtherKeyError,
    read,
)
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask, TrainedMethod
from memr_cli.results.folder import refuse_folder

_COUNT = both(int, lambda value: 0 <= value < 2**53)
_HISTORY = {
    "epochs": _COUNT,
    "best_epoch": _COUNT,
    "train_loss": float,
    "validation_f1_micro": maybe(float),
}
HISTORY = tuple(_HISTORY)

_DEVICE = both(str, lambda value: value.isprintable() and len(value) < 100)
_TOLD = {**_HISTORY, "device": _DEVICE, "n_parameters": _COUNT}
"""The facts of a checkpoint that results tell."""


@dataclass(frozen=True)
class Slot:
    """Where the model of one fold and seed lies, the key it must have, and its facts if it does."""

    fold: int
    seed: int
    path: Path
    key: str
    facts: dict[str, Any] | None
    unfit: str | None = None
    """Why the file that lies there is not used, where one does."""


@dataclass(frozen=True)
class Models:
    """A method's models, all of them fresh; `reused` where none had to be trained.

    layout: the arrays that each has to have, where that was looked at.
    """

    method: TrainedMethod
    settings: TrainingSettings
    slots: tuple[Slot, ...]
    reused: bool
    layout: Layout | None = None

    def checkpoint(self, fold: int, seed: int) -> Checkpoint:
        """The model of one fold and seed.

        Raises UnsupportedError if it was spoilt or replaced meanwhile.
        """
        slot = self._slot(fold, seed)
        try:
            return read(slot.path, slot.key, self.layout)
        except OtherKeyError as error:
            raise UnsupportedError(
                f"another run replaced {slot.path} meanwhile, with a model of other settings or "
                "other data. Run the command again; it trains what is missing. Give runs of other "
                "settings a folder of their own with --out DIR."
            ) from error
        except (CheckpointError, FileNotFoundError) as error:
            raise UnsupportedError(
                f"{slot.path} was fresh a moment ago and cannot be read now: {error}. "
                "Run the command again; it trains what is missing."
            ) from error

    def refuse_undefined(self, said: NDArray[np.float64], fold: int, seed: int) -> None:
        """Raise UnsupportedError where what a model says of utterances is no number."""
        if not np.isfinite(said).all():
            raise UnsupportedError(
                f"{self._slot(fold, seed).path} gives what is no number for some utterances: its "
                "weights, or the features, are too large. Look at the features with `memr audit`, "
                "or delete the file and run the command again, with a smaller --learning-rate."
            )

    def _slot(self, fold: int, seed: int) -> Slot:
        (slot,) = (slot for slot in self.slots if (slot.fold, slot.seed) == (fold, seed))
        return slot


def selected_arrays(arrays: Arrays) -> Arrays:
    """The model that the epoch was chosen with, which did not train on the validation rows.

    Without a refit, that is the model itself.
    """
    before = {
        name.removeprefix(SELECTION): array
        for name, array in arrays.items()
        if name.startswith(SELECTION)
    }
    return before or arrays


def usable(experiment: Experiment, method: TrainedMethod) -> NDArray[np.bool_]:
    """(N,) which utterances of the store a trained method can learn from and score."""
    present = {name: experiment.data.present[name] for name in method.modalities(experiment.held)}
    return method.usable(present, experiment.training_settings(method))


def restricted_folds(experiment: Experiment, method: TrainedMethod) -> list[Fold]:
    """The protocol's folds with the rows that the method can use."""
    able, columns = usable(experiment, method), experiment.data.columns
    return [restrict(fold, able, columns, f"method {method.name}") for fold in experiment.folds]


def ensure_models(experiment: Experiment, method: TrainedMethod, *, to_use: bool = True) -> Models:
    """Make the models of every fold and seed that are not there yet.

    to_use: whether they are for more than to be told of, so that their arrays have to be what the
    method expects; to know that takes torch.

    Each checkpoint is written as soon as its fold is done, so that an interrupted run goes on with
    what it had finished. Raises UnsupportedError where the store cannot serve the method.
    """
    settings = experiment.training_settings(method)
    n_folds = len(experiment.folds)
    expected = layout(experiment, method) if to_use else None
    slots = {
        (fold, seed): _slot(experiment, method, settings, (fold, seed), expected)
        for seed in experiment.settings.seeds
        for fold in range(n_folds)
    }
    missing = [place for place, slot in slots.items() if slot.facts is None]
    _tell_unfit(experiment, [slots[place] for place in missing])
    if missing:
        from memr_cli.learning.devices import resolved  # loads torch

        folds = restricted_folds(experiment, method)
        tasks = [FoldTask(folds[fold], seed) for fold, seed in missing]
        device = resolved(experiment.place.device)
        fitted = method.fit(experiment.data, tasks, settings, device, experiment.place.progress)
        with closing(fitted):
            for position, model in fitted:
                place = missing[position]
                slots[place] = _written(experiment, method, slots[place], model, device)
    return Models(method, settings, tuple(slots.values()), not missing, expected)


def _slot(
    experiment: Experiment,
    method: TrainedMethod,
    settings: TrainingSettings,
    place: tuple[int, int],
    expected: Layout | None,
) -> Slot:
    """What lies there for the fold and seed of `place`.

    Raises SystemRefusedError where that is a folder.
    """
    asked, (fold, seed) = experiment.settings, place
    path = experiment.folder.checkpoint(asked.protocol, method.name, seed, fold)
    fingerprint, by_speaker = experiment.store.fingerprint, experiment.by_speaker(method)
    key = training_key(fingerprint, method, asked, settings, by_speaker, fold=fold, seed=seed)
    refuse_folder(path)
    facts: dict[str, Any] | None = None
    try:
        facts = dict(read(path, key, expected).facts)
        reason = None if fits(facts, _TOLD) else "it does not tell how it was trained"
    except FileNotFoundError:
        return Slot(fold, seed, path, key, None)
    except OtherKeyError as error:
        reason = _difference(error.facts, experiment)
    except CheckpointError as error:
        reason = str(error)
    return Slot(fold, seed, path, key, facts if reason is None else None, reason)


def _tell_unfit(experiment: Experiment, slots: Sequence[Slot]) -> None:
    """Say which checkpoints are replaced and why, in one sentence for each reason."""
    by_reason: dict[str, list[Slot]] = {}
    for slot in slots:
        if slot.unfit is not None:
            by_reason.setdefault(slot.unfit, []).append(slot)
    for reason, unfit in by_reason.items():
        more = f" and {len(unfit) - 1} more are" if len(unfit) > 1 else " is"
        experiment.place.notice(f"{unfit[0].path}{more} not used and replaced: {reason}.")


def _difference(facts: Mapping[str, Any], experiment: Experiment) -> str:
    """Why a checkpoint of ours with another key does not fit."""
    if facts.get("fingerprint") != experiment.store.fingerprint:
        return "the store's content has changed since it was trained"
    if facts.get("class_names") != list(experiment.store.class_names):
        return "it was trained for other classes"
    return "it was trained with other settings or by another version of memr"


def _written(
    experiment: Experiment, method: TrainedMethod, slot: Slot, model: FoldModel, device: str
) -> Slot:
    facts = {
        "key": slot.key,
        **experiment.identity(),
        "method": method.name,
        "preset": experiment.settings.preset,
        "protocol": experiment.settings.protocol,
        "fold": slot.fold,
        "seed": slot.seed,
        "class_names": list(experiment.store.class_names),
        "dims": {name: experiment.data.dims[name] for name in method.modalities(experiment.held)},
        "settings": asdict(experiment.training_settings(method)),
        "device": device,
        "n_parameters": sum(
            array.size
            for name, array in model.arrays.items()
            if not name.startswith((SELECTION, "scaler."))
        ),
        **{name: getattr(model, name) for name in HISTORY},
    }
    Checkpoint(model.arrays, facts).write(slot.path)
    score = model.validation_f1_micro
    validated = "" if score is None else f", validation F1-micro {100 * score:.1f} %"
    experiment.place.detail(
        f"{method.name}, seed {slot.seed}, fold {slot.fold}: epoch {model.best_epoch} of "
        f"{model.epochs}{validated}, training loss {model.train_loss:.3f}."
    )
    return Slot(slot.fold, slot.seed, slot.path, slot.key, facts)
