"""Decide which saved results are still fresh, and why the others are stale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from memr_cli.experiment.keys import evaluation_key
from memr_cli.experiment.trial import Trial
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import refuse_folder
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import load_if_valid
from memr_cli.results.schema import Result

_R = TypeVar("_R", bound=Result)


@dataclass(frozen=True)
class Freshness(Generic[_R]):
    """The state of one saved result.

    key: what a fresh one has. fresh: the result, if it is. stale: a sentence on why the file that
    is there is replaced, if one is.
    """

    key: str
    fresh: _R | None = None
    stale: str | None = None


def evaluations(trials: Sequence[Trial]) -> dict[str, Freshness[Evaluation]]:
    """Return the state of each trial's evaluation by name; every file is read once."""
    if not trials:
        return {}
    found = {trial.name: load_if_valid(trial.path, Evaluation) for trial in trials}
    keys = {trial.name: _evaluation_key(trial) for trial in trials}
    vouched = [
        file
        for name, saved in found.items()
        if saved is not None and saved.key == keys[name]
        for file in saved.hashes
    ]
    present = hashes(trials[0].folder, vouched)
    return {
        trial.name: _evaluation(trial, keys[trial.name], found[trial.name], present)
        for trial in trials
    }


def _evaluation(
    trial: Trial, key: str, found: Evaluation | None, present: Mapping[str, str]
) -> Freshness[Evaluation]:
    if found is None or found.method != trial.name:
        return Freshness(key, stale=unreadable(trial.path))
    if found.key != key:
        return Freshness(key, stale=other_key(trial, trial.path, found.fingerprint))
    changed = [file for file, digest in found.hashes.items() if present.get(file) != digest]
    if changed:
        reason = f"{changed[0]} is missing or not the file that was scored"
        return Freshness(key, stale=f"{trial.path} is replaced: {reason}.")
    fresh = msgspec.structs.replace(
        found,
        store=str(trial.experiment.place.store),
        files=trial.folder.files(trial.protocol, trial.name, found.hashes),
        reused=True,
    )
    return Freshness(key, fresh)


def _evaluation_key(trial: Trial) -> str:
    return evaluation_key(
        trial.name,
        member_keys(trial),
        trial.runs,
        trial.experiment.settings.overrides,
        calibrated=trial.is_calibrated,
    )


def member_keys(trial: Trial) -> dict[str, str]:
    """Return the keys of the models that a trial rests on, by the names of its members."""
    return {member.method.name: member.key() for member in trial.members}


def other_key(trial: Trial, path: Path, fingerprint: str | None) -> str:
    """Say why a saved result with another key is replaced."""
    if fingerprint != trial.experiment.store.fingerprint:
        return f"{path} is replaced: the store's content has changed."
    return f"{path} is replaced: it was made with other settings or by another version of memr."


def unreadable(path: Path) -> str | None:
    """Say why a file that is no result of memr's is replaced, None where there is no file.

    Raises SystemRefusedError where a folder has its path, which no file can replace.
    """
    refuse_folder(path)
    return f"{path} is replaced: it is not as memr wrote it." if path.exists() else None
