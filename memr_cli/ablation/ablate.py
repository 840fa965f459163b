"""Ablate one method: what a run does where no fresh result is saved."""

from collections.abc import Iterator, Sequence

import msgspec

from memr_cli.ablation.conditions import coalitions, members_of
from memr_cli.ablation.decisions import decide
from memr_cli.ablation.scoring import (
    Scorer,
    all_coalitions,
    loss_curves,
    noise_curves,
    shapley_values,
)
from memr_cli.experiment.evaluate import left_out_note
from memr_cli.experiment.keys import versions
from memr_cli.experiment.scoring import description
from memr_cli.experiment.trial import Trial
from memr_cli.methods.installed import InstalledSettings
from memr_cli.methods.method import TrainedMethod
from memr_cli.results.ablation import Ablation, AblationFiles, SubsetScores
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import save
from memr_cli.results.schema import Protocol, sealed

_NOTHING_LEFT = (
    "an utterance with nothing left is decided as the most frequent class of its fold's training "
    "part"
)
_WHOLE_DIALOGUES = (
    "what is absent, noisy or lost is so in every turn of a test utterance's dialogue, whoever "
    "speaks and with a label or without; at random, each turn loses by itself. An utterance with "
    "nothing left is decided from its neighbours, and where they have nothing either, as the most "
    "frequent class of its fold's training part"
)
_SAME_RETRAINED = (
    "each member uses one modality, so training without a modality changes nothing: retrained "
    "repeats what is absent at test time"
)


def ablate(trial: Trial, key: str, *, retrain: bool) -> Ablation:
    """Score one method without modalities, under noise and under loss, and save the result."""
    modalities = trial.modalities
    _ = trial.folds  # refuses before anything is trained
    again = retrain and differs_retrained(trial)
    retrained = retrained_trials(trial) if again else {}
    decided = decide(trial, modalities, retrained)
    experiment, folder = trial.experiment, trial.folder
    path = folder.ablation(trial.protocol, trial.name)
    models = [member.models for one in (trial, *retrained.values()) for member in one.members]
    checkpoints = (folder.relative(slot.path) for one in models for slot in one.slots)
    scorer, n_modalities = Scorer(trial.data, decided), len(modalities)
    absent = all_coalitions(scorer, n_modalities)
    trained = absent
    if retrained:
        trained = all_coalitions(scorer, n_modalities, retrained=frozenset(retrained))
    n = sum(len(fold.rows) for fold in decided)
    tested = sum(fold.n_tested for fold in decided)
    result = Ablation(
        store=str(experiment.place.store),
        fingerprint=experiment.store.fingerprint,
        synthetic=trial.data.synthetic,
        method=trial.name,
        preset=str(experiment.settings.preset),
        protocol=Protocol(
            name=trial.protocol, description=description(experiment.settings, experiment.folds)
        ),
        settings=trial.settings([member.models for member in trial.members], retrain=retrain),
        n=n,
        modalities=tuple(modalities),
        subsets=tuple(
            SubsetScores(
                modalities=tuple(members_of(number, modalities)),
                metrics=absent[number].metrics,
                retrained=trained[number].metrics if retrain else None,
            )
            for number in coalitions(n_modalities)
        ),
        shapley=shapley_values(absent, modalities),
        shapley_retrained=shapley_values(trained, modalities) if retrain else None,
        noise=noise_curves(scorer, modalities),
        loss=loss_curves(scorer, modalities),
        notes=(
            *left_out_note(tested - n, tested, trial),
            *_never_missing_note(trial),
            *([_SAME_RETRAINED] if retrain and not again else []),
            _WHOLE_DIALOGUES if trial.reads_dialogues else _NOTHING_LEFT,
            *scorer.notes,
            *(
                f"{name} is undefined in some fold and null there"
                for name, score in absent[-1].metrics.items()
                if score.mean is None
            ),
            *trial.notes(),
        ),
        transductive=trial.is_transductive,
        versions=versions(),
        key=key,
        files=AblationFiles(ablation=str(path)),
        hashes=hashes(folder, dict.fromkeys(checkpoints)),
    )
    result = sealed(result)
    save(path, result)
    return msgspec.structs.replace(result, reused=False)


def _never_missing_note(trial: Trial) -> Iterator[str]:
    """Yield a note on modalities that training never lacked, where a network has several."""
    present = trial.data.present
    lacked = {
        name
        for name in trial.modalities
        if all(not present[name][fold.train].all() for fold in trial.experiment.folds)
    }
    never = {
        name
        for member in trial.members
        for name in member.modalities
        if len(member.modalities) > 1
        and not isinstance(member.settings, InstalledSettings)  # it handles that itself
        and not member.settings.modality_dropout
        and not (member.settings.presence_indicator and name in lacked)
    }
    if not never:
        return
    *others, last = (name for name in trial.experiment.held if name in never)
    names = f"{', '.join(others)} or {last}" if others else last
    yield (
        f"training never lacked {names}, so the network never learned to do without; "
        "--modality-dropout trains for that"
    )


def differs_retrained(trial: Trial) -> bool:
    """Whether training without a modality gives other models than those there are."""
    return any(len(member.modalities) > 1 for member in trial.members)


def retrained_trials(trial: Trial) -> dict[int, Trial]:
    """Return, by coalition, the method trained with these modalities alone; not none, nor all."""
    proper = coalitions(len(trial.modalities))[1:-1]
    return {
        number: trial.with_members(_restricted(trial, members_of(number, trial.modalities)))
        for number in proper
    }


def _restricted(trial: Trial, left: Sequence[str]) -> list[TrainedMethod]:
    """The trained methods that a method rests on where only the modalities `left` exist."""
    found = []
    for member in trial.members:
        kept = [name for name in member.modalities if name in left]
        if kept:
            whole = len(kept) == len(member.modalities)
            found.append(member.method if whole else member.method.only(kept))
    return found
