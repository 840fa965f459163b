"""The trained models of one method: read where they are fresh, trained where missing or stale.

Letters: N utterances of the store.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import UnsupportedError
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.trial import Member
from memr_cli.learning.checkpoints import (
    SCALE,
    Checkpoint,
    CheckpointError,
    Layout,
    OtherKeyError,
    read,
)
from memr_cli.methods.installed import OWN, InstalledMethod
from memr_cli.methods.method import SELECTION, Arrays, FoldModel, FoldTask
from memr_cli.methods.network import NetworkMethod
from memr_cli.results.folder import refuse_folder
from memr_cli.results.training import CheckpointFacts

_MEAN = "scaler.mean"

FoldAndSeed = tuple[int, int]


@dataclass(frozen=True)
class Slot:
    """The file of one fold's and seed's model.

    key: what a fresh model has. facts: of the model, if it is fresh. unfit: why the file that is
    there is not used, if one is.
    """

    fold: int
    seed: int
    path: Path
    key: str
    facts: CheckpointFacts | None = None
    unfit: str | None = None


@dataclass(frozen=True)
class Models:
    """The models of a member, all fresh.

    reused: whether none had to be trained. layout: the arrays that each must have, where checked.
    """

    slots: tuple[Slot, ...]
    reused: bool
    layout: Layout | None

    @property
    def facts(self) -> list[CheckpointFacts]:
        """The facts of every model."""
        return [slot.facts for slot in self.slots if slot.facts is not None]

    def checkpoint(self, fold: int, seed: int) -> Checkpoint:
        """Read the model of one fold and seed.

        Raises UnsupportedError if it was damaged or replaced since it was made.
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

    def refuse_undefined(self, predicted: NDArray[np.float64], fold: int, seed: int) -> None:
        """Raise UnsupportedError where a model predicts NaN or infinity."""
        if not np.isfinite(predicted).all():
            raise UnsupportedError(
                f"{self._slot(fold, seed).path} predicts NaN or infinity for some utterances: its "
                "weights, or the features, are too large. Look at the features with `memr audit`, "
                "or delete the file and run the command again, with a smaller --learning-rate."
            )

    def _slot(self, fold: int, seed: int) -> Slot:
        (slot,) = (slot for slot in self.slots if (slot.fold, slot.seed) == (fold, seed))
        return slot


def selected_arrays(arrays: Arrays) -> Arrays:
    """Return the model that the epoch was chosen with, which did not train on validation rows.

    Without a refit, that is the model itself.
    """
    before = {
        name.removeprefix(SELECTION): array
        for name, array in arrays.items()
        if name.startswith(SELECTION)
    }
    return before or arrays


def ensure_models(member: Member, *, check_arrays: bool = True) -> Models:
    """Train the models of every fold and seed that are missing or stale.

    check_arrays: whether fresh models must have the arrays that the method expects; this loads
    torch. Each checkpoint is written as soon as its fold is done, so that an interrupted run
    continues with what it had finished. Raises UnsupportedError where the store does not support
    the method.
    """
    experiment = member.experiment
    expected = array_layout(member) if check_arrays else None
    slots = {
        (fold, seed): _slot(member, fold, seed, expected)
        for seed in experiment.settings.seeds
        for fold in range(len(experiment.folds))
    }
    missing = [at for at, slot in slots.items() if slot.facts is None]
    _report_unfit(experiment, [slots[at] for at in missing])
    if missing:
        from memr_cli.learning.devices import resolved  # loads torch

        tasks = [FoldTask(member.folds[fold], seed) for fold, seed in missing]
        device = resolved(experiment.place.device)
        progress = experiment.place.progress
        fitted = member.method.fit(member.data, tasks, member.settings, device, progress)
        with closing(fitted):
            for position, model in fitted:
                at = missing[position]
                slots[at] = _write(member, slots[at], model, device)
    return Models(tuple(slots.values()), not missing, expected)


def _slot(member: Member, fold: int, seed: int, expected: Layout | None) -> Slot:
    """Look at the file of one fold and seed. Raises SystemRefusedError where it is a folder."""
    experiment = member.experiment
    protocol = experiment.settings.protocol
    path = experiment.folder.checkpoint(protocol, member.method.name, seed, fold)
    key = member.key(fold, seed)
    refuse_folder(path)
    try:
        facts = msgspec.convert(read(path, key, expected).facts, CheckpointFacts)
    except FileNotFoundError:
        return Slot(fold, seed, path, key)
    except OtherKeyError as error:
        reason = _difference(error.facts, experiment)
    except CheckpointError as error:
        reason = str(error)
    except msgspec.ValidationError:
        reason = "it does not say how it was trained"
    else:
        return Slot(fold, seed, path, key, facts)
    return Slot(fold, seed, path, key, unfit=reason)


def _report_unfit(experiment: Experiment, slots: Sequence[Slot]) -> None:
    """Say which checkpoints are replaced and why, in one sentence for each reason."""
    by_reason: dict[str, list[Slot]] = {}
    for slot in slots:
        if slot.unfit is not None:
            by_reason.setdefault(slot.unfit, []).append(slot)
    for reason, unfit in by_reason.items():
        more = f" and {len(unfit) - 1} more are" if len(unfit) > 1 else " is"
        experiment.place.notice(f"{unfit[0].path}{more} not used and replaced: {reason}.")


def _difference(facts: Mapping[str, Any], experiment: Experiment) -> str:
    """Say why a checkpoint of memr's with another key does not fit."""
    if facts.get("fingerprint") != experiment.store.fingerprint:
        return "the store's content has changed since it was trained"
    if facts.get("class_names") != list(experiment.store.class_names):
        return "it was trained for other classes"
    return "it was trained with other settings or by another version of memr"


def _write(member: Member, slot: Slot, model: FoldModel, device: str) -> Slot:
    """Write the model of one fold and seed."""
    experiment, name = member.experiment, member.method.name
    weights = [
        array for key, array in model.arrays.items() if not key.startswith((SELECTION, "scaler."))
    ]
    facts = CheckpointFacts(
        epochs=model.epochs,
        best_epoch=model.best_epoch,
        train_loss=model.train_loss,
        validation_f1_micro=model.validation_f1_micro,
        device=device,
        n_parameters=sum(array.size for array in weights),
    )
    origin = {
        "key": slot.key,
        "store": str(experiment.place.store),
        "fingerprint": experiment.store.fingerprint,
        "method": name,
        "preset": experiment.settings.preset,
        "protocol": experiment.settings.protocol,
        "fold": slot.fold,
        "seed": slot.seed,
        "class_names": list(experiment.store.class_names),
        "dims": {modality: member.data.dims[modality] for modality in member.modalities},
        "settings": asdict(member.settings),
    }
    Checkpoint(model.arrays, {**origin, **msgspec.to_builtins(facts)}).write(slot.path)
    score = model.validation_f1_micro
    validated = "" if score is None else f", validation F1-micro {100 * score:.1f} %"
    experiment.place.detail(
        f"{name}, seed {slot.seed}, fold {slot.fold}: epoch {model.best_epoch} of "
        f"{model.epochs}{validated}, training loss {model.train_loss:.3f}."
    )
    return Slot(slot.fold, slot.seed, slot.path, slot.key, facts)


def array_layout(member: Member) -> Layout | None:
    """Return the arrays that a model of this member must have; loads torch.

    Of a method that another package offers only the scaler is known; None where nothing is.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    others: tuple[str, ...] = ()
    method: object = member.method
    data = member.data
    if isinstance(method, NetworkMethod):
        from memr_cli.learning.layouts import shapes_of  # loads torch

        inputs, architecture = method.prepare(data, member.modalities, member.settings)
        shapes, n_features = shapes_of(architecture), inputs.n_features
    elif isinstance(method, InstalledMethod):
        n_features = sum(data.dims[name] for name in member.modalities)
        others = (OWN, f"{SELECTION}{OWN}")
    else:
        return None
    shapes |= dict.fromkeys((_MEAN, SCALE), (n_features,))
    if member.settings.refit:
        shapes |= {f"{SELECTION}{name}": shape for name, shape in shapes.items()}
    return Layout(shapes, others)
