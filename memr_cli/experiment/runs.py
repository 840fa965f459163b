"""Training, fusing and evaluating: one object a method, each as soon as it is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memr_cli.errors import MethodUnsupportedError, UnsupportedError
from memr_cli.experiment.experiment import Choice, Experiment, choose, collective_names
from memr_cli.experiment.keys import evaluation_key, training_key, versions
from memr_cli.experiment.models import HISTORY, Models, ensure_models
from memr_cli.experiment.predicting import Scored, predict
from memr_cli.experiment.scoring import score
from memr_cli.methods.method import CombiningMethod, Method
from memr_cli.results import (
    SCHEMA,
    changed_files,
    digest,
    read_metrics,
    write_metrics,
)

UNSAVED = ("reused", "seconds")
"""What an evaluation prints and its metrics file does not hold: how this run went."""


def chosen(experiment: Experiment, names: Sequence[str]) -> Choice:
    """The methods to evaluate; says which of a collective name's are skipped, and why."""
    choice = choose(names, collective_names(), experiment.held)
    for name, reason in choice.skipped.items():
        experiment.place.notice(f"{name} is skipped: {reason}")
    return choice


def train_methods(experiment: Experiment, choice: Choice, command: str) -> Iterator[dict[str, Any]]:
    """Make each method's models; for a vote, those of its members."""
    return _each(experiment, choice, lambda method: _train(experiment, method, command))


def evaluate_methods(experiment: Experiment, choice: Choice) -> Iterator[dict[str, Any]]:
    """Score each method on speakers that its training never saw; a fresh result is read."""

    def result_of(method: Method) -> dict[str, Any]:
        key = _key(experiment, method)
        return _fresh(experiment, method, key) or _evaluate(experiment, method, key)

    return _each(experiment, choice, result_of)


def _each(
    experiment: Experiment, choice: Choice, result_of: Callable[[Method], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The result of each method chosen. One that only a collective name stands for may be skipped.

    Whatever would refuse the results is found before the work. Raises UnsupportedError for a method
    asked for by name that the store does not support under the protocol, or if none remains.
    """
    experiment.prepare_folder(choice.methods)
    reasons = []
    for method in choice.methods:
        try:
            result = result_of(method)
        except MethodUnsupportedError as reason:
            if method.name in choice.by_name:
                raise
            experiment.place.notice(f"{method.name} is skipped: {reason}")
            reasons.append(str(reason))
            continue
        yield result
    if len(reasons) == len(choice.methods):
        raise UnsupportedError(reasons[0])


def _train(experiment: Experiment, method: Method, command: str) -> dict[str, Any]:
    members = [ensure_models(experiment, member) for member in experiment.members(method)]
    runs = list(_history(method, members))
    unscored = all(run["validation_f1_micro"] is None for run in runs)
    return {
        "schema": f"memr.{command}/1",
        **experiment.identity(),
        "method": method.name,
        "preset": experiment.settings.preset,
        "protocol": {"name": experiment.settings.protocol},
        "settings": _settings(experiment, method, members),
        "folds": runs,
        "notes": ["nothing is validated here, so validation_f1_micro is null"] if unscored else [],
        "reused": all(models.reused for models in members),
    }


def _history(method: Method, members: Sequence[Models]) -> Iterator[dict[str, Any]]:
    """How training went, fold by fold; a vote has members and nothing trained of its own."""
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


def _key(experiment: Experiment, method: Method) -> str:
    settings, fingerprint = experiment.settings, experiment.store.fingerprint
    trained = {
        member.name: training_key(
            fingerprint, member, settings, experiment.training_settings(member)
        )
        for member in experiment.members(method)
    }
    return evaluation_key(method.name, trained, settings)


def _fresh(experiment: Experiment, method: Method, key: str) -> dict[str, Any] | None:
    """The result on disk, if it is what would come out again; says why another is replaced."""
    path = experiment.folder.metrics(experiment.settings.protocol, method.name)
    found = read_metrics(path)
    if found is None:
        return None
    if found["key"] != key:
        reason = (
            "the store's content has changed"
            if found["fingerprint"] != experiment.store.fingerprint
            else "it was made with other settings or by another version of memr"
        )
    else:
        changed = changed_files(experiment.folder, found)
        if not changed:
            files = _files(experiment, method, experiment.members(method))
            return {**found, **experiment.identity(), "files": files, "reused": True}
        reason = f"{changed[0]} is missing or not the file that was scored"
    experiment.place.notice(f"{path} is replaced: {reason}.")
    return None


def _evaluate(experiment: Experiment, method: Method, key: str) -> dict[str, Any]:
    members = [ensure_models(experiment, member) for member in experiment.members(method)]
    scored = predict(experiment, method, members)
    modalities = [
        name
        for name in experiment.held
        if any(name in models.method.modalities(experiment.held) for models in members)
    ]
    result = {
        "schema": SCHEMA,
        **experiment.identity(),
        "method": method.name,
        "preset": experiment.settings.preset,
        "settings": _settings(experiment, method, members),
        **score(
            scored,
            experiment.data,
            experiment.settings.protocol,
            modalities,
            refit=members[0].settings.refit,
        ),
        "files": _files(experiment, method, [models.method for models in members]),
        "versions": versions(),
        "key": key,
    }
    _add_left_out(result, experiment, scored, modalities)
    _write(experiment, method, members, scored, result)
    return {**result, "reused": False}


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


def _write(
    experiment: Experiment,
    method: Method,
    members: Sequence[Models],
    scored: Scored,
    result: dict[str, Any],
) -> None:
    """Write predictions, then the metrics that vouch for them and for the checkpoints."""
    folder, protocol = experiment.folder, experiment.settings.protocol
    predictions = folder.predictions(protocol, method.name)
    scored.predictions.write(predictions)
    vouched = [predictions, *(slot.path for models in members for slot in models.slots)]
    result["hashes"] = {folder.relative(path): digest(path) for path in vouched}
    saved = {name: value for name, value in result.items() if name not in UNSAVED}
    write_metrics(folder.metrics(protocol, method.name), saved)


def _files(experiment: Experiment, method: Method, members: Sequence[Method]) -> dict[str, Any]:
    folder, settings = experiment.folder, experiment.settings
    protocol = settings.protocol
    return {
        "metrics": str(folder.metrics(protocol, method.name)),
        "predictions": str(folder.predictions(protocol, method.name)),
        "checkpoints": [
            str(folder.checkpoint(protocol, member.name, seed, fold))
            for member in members
            for seed in settings.seeds
            for fold in range(len(experiment.folds))
        ],
    }


def _settings(experiment: Experiment, method: Method, members: Sequence[Models]) -> dict[str, Any]:
    """Every value that shaped the numbers."""
    asked = experiment.settings
    common = {
        "seed": asked.seed,
        "seeds": asked.n_seeds,
        "refit": members[0].settings.refit,
        "modalities": [
            name for models in members for name in models.method.modalities(experiment.held)
        ],
        "overrides": dict(asked.overrides),
        "n_parameters": sum((models.slots[0].facts or {})["n_parameters"] for models in members),
    }
    if isinstance(method, CombiningMethod):
        each: Mapping[str, Any] = {m.method.name: asdict(m.settings) for m in members}
        return {**common, "members": each}
    return {**common, **asdict(members[0].settings)}
