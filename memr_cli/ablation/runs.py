"""Ablating methods: one result a method, each as soon as it is known."""

from collections.abc import Iterator
from itertools import product

import msgspec

from memr_cli.ablation.conditions import LEVELS, SHARES, coalitions, members_of
from memr_cli.errors import UnsupportedError
from memr_cli.experiment.experiment import Choice, Experiment
from memr_cli.experiment.freshness import Freshness, member_keys, other_key, unreadable
from memr_cli.experiment.keys import code_version
from memr_cli.experiment.runs import (
    prepare_output,
    protect_checkpoints,
    read_or_make,
    reading_only_for,
    refuse_pointless,
    trials_of,
)
from memr_cli.experiment.trial import Trial
from memr_cli.results.ablation import Ablation, AblationFiles
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import load_if_valid
from memr_cli.results.schema import hash_of

CODE = ("ablation",)
"""The package whose code shapes an ablation beyond what shapes models."""


def ablate_methods(experiment: Experiment, choice: Choice, *, retrain: bool) -> Iterator[Ablation]:
    """Ablate each method that uses several modalities; a fresh result is read."""
    trials = _of_several(experiment, choice)
    refuse_pointless(experiment, trials)
    prepare_output(experiment, trials)
    found = {trial.name: _freshness(trial, retrain=retrain) for trial in trials}
    stale = trials_of(experiment, [t.method for t in trials if found[t.name].fresh is None])
    protect_checkpoints(
        experiment, [part for trial in stale for part in _written(trial, retrain=retrain)]
    )

    def look(trial: Trial) -> Freshness[Ablation]:
        return _freshness(trial, retrain=retrain)

    def make(trial: Trial, key: str) -> Ablation:
        from memr_cli.ablation.ablate import ablate  # not needed for a result that is read

        return ablate(trial, key, retrain=retrain)

    yield from read_or_make(
        experiment,
        reading_only_for(trials, stale),
        choice.by_name,
        found,
        lambda trial: _written(trial, retrain=retrain),
        look,
        make,
    )


def _of_several(experiment: Experiment, choice: Choice) -> list[Trial]:
    """Return the trials that have a modality to take away.

    Raises UnsupportedError for another that was asked for by name, or if none remains.
    """
    kept, reasons = [], []
    for trial in trials_of(experiment, choice.methods):
        if len(trial.modalities) > 1:
            kept.append(trial)
            continue
        reason = (
            f"method {trial.name} works on the {trial.modalities[0]} modality alone, so there is "
            "nothing to take away."
        )
        if trial.name in choice.by_name:
            remedy = "Ablate a method that fuses modalities, such as early."
            raise UnsupportedError(f"{reason} {remedy}")
        reasons.append(f"{trial.name} is skipped: {reason}")
    if not kept:
        raise UnsupportedError(
            f"the store holds {', '.join(experiment.held)} alone, so there is nothing to take away "
            "from any method. Ingest a corpus with more modalities."
        )
    for reason in reasons:
        experiment.place.notice(reason)
    return kept


def _written(trial: Trial, *, retrain: bool) -> list[Trial]:
    """The trials whose models an ablation may write."""
    from memr_cli.ablation.ablate import differs_retrained, retrained_trials

    again = retrain and differs_retrained(trial)
    others = retrained_trials(trial).values() if again else ()
    parts = trials_of(
        trial.experiment, [member.method for other in others for member in other.members]
    )
    return [trial, *parts]


def _freshness(trial: Trial, *, retrain: bool) -> Freshness[Ablation]:
    """Return the state of a saved ablation.

    Raises UnsupportedError where one of a store of another name would be replaced.
    """
    path, key = trial.folder.ablation(trial.protocol, trial.name), _key(trial)
    found = load_if_valid(path, Ablation)
    if found is None or not _is_whole(found, trial):
        return Freshness(key, stale=unreadable(path))
    trial.experiment.refuse_another_stores(path, found.store)
    if found.key != key:
        return Freshness(key, stale=other_key(trial, path, found.fingerprint))
    if retrain and not found.settings.retrain:
        return Freshness(key, stale=f"{path} is replaced: it was made without --retrain.")
    present = hashes(trial.folder, found.hashes)
    changed = [file for file, digest in found.hashes.items() if present.get(file) != digest]
    if changed:
        reason = f"{changed[0]} is missing or not the model that was ablated"
        return Freshness(key, stale=f"{path} is replaced: {reason}.")
    fresh = msgspec.structs.replace(
        found,
        store=str(trial.experiment.place.store),
        files=AblationFiles(ablation=str(path)),
        reused=True,
    )
    return Freshness(key, fresh)


def _key(trial: Trial) -> str:
    """Key of an ablation, from the keys of the models it rests on.

    `--retrain` does not count: a result that has more is fresh too.
    """
    return hash_of(
        {
            "code": code_version(CODE),
            "method": trial.name,
            "trained": member_keys(trial),
            "seeds": list(trial.experiment.settings.seeds),
            "overrides": dict(trial.experiment.settings.overrides),
        }
    )


def _is_whole(found: Ablation, trial: Trial) -> bool:
    """Whether all subsets and all points of the curves are there, in their order."""
    names = trial.modalities
    every = [tuple(members_of(number, names)) for number in coalitions(len(names))]
    curves = (None, *names)
    return (
        found.method == trial.name
        and list(found.modalities) == names
        and [one.modalities for one in found.subsets] == every
        and [(one.modality, one.level) for one in found.noise] == list(product(curves, LEVELS))
        and [(one.modality, one.share) for one in found.loss] == list(product(curves, SHARES))
    )
