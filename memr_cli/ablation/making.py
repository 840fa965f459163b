"""One method ablated: what a run does where nothing fresh lies there."""

from collections.abc import Sequence
from typing import Any

from memr_cli.ablation.conditions import coalitions, members_of
from memr_cli.ablation.measuring import FoldDecisions, measure
from memr_cli.ablation.reuse import SCHEMA
from memr_cli.ablation.scoring import (
    Scored,
    Scorer,
    all_coalitions,
    loss_curves,
    noise_curves,
    worth,
)
from memr_cli.ablation.subjects import Subject, differs_retrained, rested_on
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import versions
from memr_cli.experiment.making import input_notes, is_transductive, n_as_context, settings_of
from memr_cli.experiment.models import Models
from memr_cli.experiment.predicting import tested_folds
from memr_cli.experiment.scoring import description
from memr_cli.methods.installed import InstalledSettings
from memr_cli.methods.method import Method
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import sealed, write_metrics


def ablate(experiment: Experiment, method: Method, key: str, *, retrain: bool) -> dict[str, Any]:
    """Score one method without modalities, under noise and under loss, and write what came out."""
    modalities = experiment.modalities(method)
    tested_folds(experiment, method)  # refuses before anything is trained
    subject = Subject.made(experiment, method, experiment.members(method))
    again = retrain and differs_retrained(experiment, method)
    retrained = _retrained(experiment, method, modalities) if again else {}
    decided = measure(experiment, subject, modalities, retrained)
    n_context = n_as_context(experiment, method)
    folder, protocol = experiment.folder, experiment.settings.protocol
    path = folder.ablation(protocol, method.name)
    models = [*subject.models, *(part for other in retrained.values() for part in other.models)]
    result = {
        "schema": SCHEMA,
        **experiment.identity(),
        "synthetic": experiment.data.synthetic,
        "method": method.name,
        "preset": experiment.settings.preset,
        "protocol": {
            "name": protocol,
            "description": description(experiment.settings, experiment.folds),
        },
        "settings": {**settings_of(experiment, method, subject.models), "retrain": retrain},
        "n": sum(len(fold.rows) for fold in decided),
        "modalities": modalities,
        **_scores(experiment, decided, modalities, frozenset(retrained), retrain=retrain),
        "transductive": is_transductive(experiment, method, n_context),
        "versions": versions(),
        "key": key,
        "files": {"ablation": str(path)},
        "hashes": hashes(folder, _checkpoints(experiment, models)),
    }
    result["notes"] = [
        *_left_out(decided, modalities),
        *_untold(experiment, subject),
        *([_SAME_RETRAINED] if retrain and not again else []),
        *([_WHOLE_DIALOGUES] if subject.reads_dialogues else [_NOTHING_LEFT]),
        *result["notes"],
        *input_notes(experiment, method, n_context),
    ]
    result = sealed(result)
    write_metrics(path, result)
    return {**result, "reused": False}


def _retrained(
    experiment: Experiment, method: Method, modalities: Sequence[str]
) -> dict[int, Subject]:
    """By coalition, the method trained with these modalities alone; not of none, nor of all."""
    proper = coalitions(len(modalities))[1:-1]
    parts = {c: rested_on(experiment, method, members_of(c, modalities)) for c in proper}
    return {c: Subject.made(experiment, method, members) for c, members in parts.items()}


def _scores(
    experiment: Experiment,
    decided: Sequence[FoldDecisions],
    modalities: Sequence[str],
    retrained: frozenset[int],
    *,
    retrain: bool,
) -> dict[str, Any]:
    """The part of the object that follows from decisions."""
    scorer, n_modalities = Scorer(experiment.data, decided), len(modalities)
    absent = all_coalitions(scorer, n_modalities)
    trained = absent
    if retrained:
        trained = all_coalitions(scorer, n_modalities, retrained=retrained)
    return {
        "subsets": [
            {
                "modalities": members_of(number, modalities),
                "metrics": absent[number].metrics,
                "retrained": trained[number].metrics if retrain else None,
            }
            for number in coalitions(n_modalities)
        ],
        "shapley": worth(absent, modalities),
        "shapley_retrained": worth(trained, modalities) if retrain else None,
        "noise": noise_curves(scorer, modalities),
        "loss": loss_curves(scorer, modalities),
        "notes": [*scorer.notes, *_undefined(absent)],
    }


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


def _undefined(absent: Sequence[Scored]) -> list[str]:
    return [
        f"{name} is undefined in some fold and null there"
        for name, entry in absent[-1].metrics.items()
        if entry["mean"] is None
    ]


def _left_out(decided: Sequence[FoldDecisions], modalities: Sequence[str]) -> list[str]:
    n_tested = sum(fold.n_tested for fold in decided)
    left_out = n_tested - sum(len(fold.rows) for fold in decided)
    if not left_out:
        return []
    note = (
        f"{left_out} of {n_tested} labelled test utterances are left out, since the "
        f"{', '.join(modalities)} features that the method needs are missing"
    )
    return [note]


def _untold(experiment: Experiment, subject: Subject) -> list[str]:
    """Says which modalities some fold's training never lacked, where a network has several."""
    present = experiment.data.present
    lacked = {
        name
        for name in experiment.modalities(subject.method)
        if all(not present[name][fold.train].all() for fold in experiment.folds)
    }
    never = {
        name
        for models, modalities in zip(subject.models, subject.modalities, strict=True)
        for name in modalities
        if len(modalities) > 1
        and not isinstance(models.settings, InstalledSettings)  # it sees to that itself
        and not models.settings.modality_dropout
        and not (models.settings.presence_indicator and name in lacked)
    }
    if not never:
        return []
    *others, last = (name for name in experiment.held if name in never)
    names = f"{', '.join(others)} or {last}" if others else last
    note = (
        f"training never lacked {names}, so the network never learned to do without; "
        "--modality-dropout trains for that"
    )
    return [note]


def _checkpoints(experiment: Experiment, models: Sequence[Models]) -> list[str]:
    relative = experiment.folder.relative
    return list(dict.fromkeys(relative(slot.path) for part in models for slot in part.slots))
