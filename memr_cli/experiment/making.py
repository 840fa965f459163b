"""One method trained or scored: what a run does where nothing fresh lies there.

Apart from `runs` since a fresh result is read without any of this being loaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from memr_cli.evaluation.leakage import in_trained_dialogues
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.fusing import Fusions, fusion_notes, fusions
from memr_cli.experiment.keys import versions
from memr_cli.experiment.models import HISTORY, Models, ensure_models, restricted_folds
from memr_cli.experiment.predicting import Scored, predict, refuse_unlearnable, tested_folds
from memr_cli.experiment.scoring import score
from memr_cli.experiment.tempering import Temperature, tempered
from memr_cli.methods.method import CombiningMethod, Method, Need
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import SCHEMA, sealed, write_metrics

FEW = 10
"""A speaker with fewer utterances than this is hardly described by their mean and spread."""

UNSAVED = ("reused", "seconds")
"""What an evaluation prints and its metrics file does not hold: how this run went."""


def train(experiment: Experiment, method: Method, command: str) -> dict[str, Any]:
    """Make the models of one method; for a combination, those of its members."""
    refuse_unlearnable(experiment, method)
    members = [
        ensure_models(experiment, member, to_use=False) for member in experiment.members(method)
    ]
    runs = list(_history(method, members))
    unscored = all(run["validation_f1_micro"] is None for run in runs)
    n_context = n_as_context(experiment, method)
    return {
        "schema": f"memr.{command}/1",
        **experiment.identity(),
        "method": method.name,
        "preset": experiment.settings.preset,
        "protocol": {"name": experiment.settings.protocol},
        "settings": settings_of(experiment, method, members),
        "transductive": is_transductive(experiment, method, n_context),
        "folds": runs,
        "notes": [
            *(["nothing is validated here, so validation_f1_micro is null"] if unscored else []),
            *input_notes(experiment, method, n_context),
        ],
        "reused": all(models.reused for models in members),
    }


def _history(method: Method, members: Sequence[Models]) -> Iterator[dict[str, Any]]:
    """How training went, fold by fold; a combination has members and no weights of its own."""
    if isinstance(method, CombiningMethod):
        names = [models.method.name for models in members]
        for slot in members[0].slots:
            nothing = dict.fromkeys(HISTORY)
            run = {"fold": slot.fold, "seed": slot.seed}
            yield {**run, **nothing, "members": names, "checkpoint": None}
        return
    for slot in members[0].slots:
        facts = slot.facts or {}
        history = {name: facts[name] for name in HISTORY}
        run = {"fold": slot.fold, "seed": slot.seed}
        yield {**run, **history, "checkpoint": str(slot.path)}


def evaluate(experiment: Experiment, method: Method, key: str) -> dict[str, Any]:
    """Score one method, making the models that are missing or stale, and write what came out."""
    tested_folds(experiment, method)  # refuses before anything is trained
    members = [ensure_models(experiment, member) for member in experiment.members(method)]
    learned = fusions(experiment, method, members)
    scored, temperatures = _predicted(experiment, method, members, learned)
    modalities = experiment.modalities(method)
    n_context = n_as_context(experiment, method)
    folder, protocol = experiment.folder, experiment.settings.protocol
    written = [folder.predictions(protocol, method.name)]
    written += [slot.path for models in members for slot in models.slots]
    vouched = [folder.relative(path) for path in written]
    result = {
        "schema": SCHEMA,
        **experiment.identity(),
        "method": method.name,
        "preset": experiment.settings.preset,
        "settings": settings_of(experiment, method, members),
        **score(
            scored,
            experiment.data,
            experiment.settings,
            modalities,
            refit=members[0].settings.refit,
            temperatures=temperatures,
            as_context=n_context > 0,
        ),
        **_fusion(members, learned, experiment.data.class_names),
        "transductive": is_transductive(experiment, method, n_context),
        "files": folder.files(protocol, method.name, vouched),
        "versions": versions(),
        "key": key,
    }
    _add_left_out(result, experiment, scored, modalities)
    result["notes"] += _ensemble_notes(experiment, method)
    result["notes"] += fusion_notes(learned)
    result["notes"] += input_notes(experiment, method, n_context)
    _write(experiment, method, scored, result, vouched)
    return {**result, "reused": False}


def _predicted(
    experiment: Experiment, method: Method, members: Sequence[Models], learned: Fusions
) -> tuple[Scored, Sequence[Temperature] | None]:
    """Predictions, calibrated if that was asked for and they are probabilities."""
    scored = predict(experiment, method, members, learned)
    if not experiment.calibrates(method):
        return scored, None
    return tempered(experiment, method, members, learned, scored)


def _fusion(
    members: Sequence[Models], learned: Fusions, class_names: Sequence[str]
) -> dict[str, Any]:
    """What a combination learned, for the object; nothing for methods that are none."""
    names = [models.method.name for models in members]
    runs = sorted(learned.values(), key=lambda fusion: (fusion.seed, fusion.fold))
    return {"fusion": [run.told(names, class_names) for run in runs]} if runs else {}


def _ensemble_notes(experiment: Experiment, method: Method) -> Iterator[str]:
    """What is to be told of seeds that are averaged, or are not though that was asked for."""
    n_seeds = experiment.settings.n_seeds
    if experiment.averages(method):
        yield f"the probabilities of {n_seeds} seeds are averaged, so metrics have one run for all"
    elif experiment.settings.ensemble:
        yield "seeds are not averaged, since shares of votes are no probabilities"


def _add_left_out(
    result: dict[str, Any], experiment: Experiment, scored: Scored, modalities: Sequence[str]
) -> None:
    tested = sum(len(fold.test) for fold in experiment.folds)
    left_out = tested - sum(len(fold.test) for fold in scored.folds)
    result["left_out"] = left_out
    if left_out:
        result["notes"].insert(
            0,
            f"{left_out} of {tested} labelled test utterances are left out, since the "
            f"{', '.join(modalities)} features that the method needs are missing",
        )


def is_transductive(experiment: Experiment, method: Method, n_context: int) -> bool:
    """Whether features of test utterances, without labels, shape what a method sees.

    n_context: see `n_as_context`.
    """
    by_speaker = any(experiment.by_speaker(member) for member in experiment.members(method))
    return by_speaker or n_context > 0


def n_as_context(experiment: Experiment, method: Method) -> int:
    """How many test utterances lie in dialogues that training read as a whole."""
    columns = experiment.data.columns
    read = np.zeros(len(columns.label), np.bool_)
    for member in experiment.members(method):
        if Need.DIALOGUES in member.needs:
            for fold in restricted_folds(experiment, member):
                read[fold.test] |= in_trained_dialogues(columns, fold)
    return int(read.sum())


def input_notes(experiment: Experiment, method: Method, n_context: int) -> Iterator[str]:
    """What is to be told of what a method is shown: test utterances ahead, turns in any order.

    n_context: see `n_as_context`.
    """
    n_unordered = experiment.holdings.n_unordered if experiment.reads_dialogues(method) else 0
    if n_unordered:
        yield (
            f"{n_unordered} dialogues have turns whose place is unknown, and are read in the order "
            "of the listing; a column `turn` in the raw data tells it"
        )
    if n_context:
        yield (
            f"{n_context} test utterances lie in dialogues that are trained on, and training reads "
            "them there as context, without labels: transductive"
        )
    yield from _by_speaker_notes(experiment, method)


def _by_speaker_notes(experiment: Experiment, method: Method) -> Iterator[str]:
    """What is to be told of features that are normalised by speaker."""
    found = {name for part in experiment.members(method) for name in experiment.by_speaker(part)}
    if not found:
        return
    names = ", ".join(name for name in experiment.held if name in found)
    yield (
        f"{names} features are normalised by speaker, test speakers by their own features, without "
        "labels: transductive"
    )
    if experiment.reads_dialogues(method):
        yield (
            "a speaker's mean and spread are those of all their turns, so that no turn is decided "
            "by earlier ones alone, whatever the method"
        )
    data = experiment.data
    for name in experiment.held:
        if name not in found:
            continue
        n_present = np.bincount(data.columns.speaker[data.present[name]])
        few = int(((n_present > 0) & (n_present < FEW)).sum())
        if few:
            yield (
                f"{few} speakers have fewer than {FEW} utterances with {name} features, and little "
                "of these is left once a speaker is normalised"
            )


def _write(
    experiment: Experiment,
    method: Method,
    scored: Scored,
    result: dict[str, Any],
    vouched: Sequence[str],
) -> None:
    """Write predictions, then the metrics that vouch for them and for the checkpoints."""
    folder, protocol = experiment.folder, experiment.settings.protocol
    scored.predictions.write(folder.predictions(protocol, method.name))
    result["hashes"] = hashes(folder, vouched)
    saved = {name: value for name, value in result.items() if name not in UNSAVED}
    result |= sealed(saved)
    write_metrics(folder.metrics(protocol, method.name), result)


def settings_of(
    experiment: Experiment, method: Method, members: Sequence[Models]
) -> dict[str, Any]:
    """Every value that shaped the numbers."""
    asked = experiment.settings
    facts = [slot.facts or {} for models in members for slot in models.slots]
    common = {
        "seed": asked.seed,
        "seeds": asked.n_seeds,
        "refit": members[0].settings.refit,
        "modalities": [
            name for models in members for name in models.method.modalities(experiment.held)
        ],
        "subset": asked.subset,
        "normalize": {name: asked.normalization(name) for name in experiment.modalities(method)},
        "ensemble": experiment.averages(method),
        "calibrate": asked.calibrate if experiment.calibrates(method) else None,
        "overrides": dict(asked.overrides),
        "device": ", ".join(sorted({fact["device"] for fact in facts})),
        "n_parameters": sum((models.slots[0].facts or {})["n_parameters"] for models in members),
    }
    if isinstance(method, CombiningMethod):
        each: Mapping[str, Any] = {m.method.name: asdict(m.settings) for m in members}
        return {**common, "members": each}
    return {**common, **asdict(members[0].settings)}
