"""Training, fusing and evaluating: one object a method, each as soon as it is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from memr_cli.errors import MethodUnsupportedError, UnsupportedError, UsageError
from memr_cli.experiment.experiment import Choice, Experiment, choose, collective_names
from memr_cli.experiment.reuse import Standing, standings
from memr_cli.methods.installed import InstalledMethod
from memr_cli.methods.method import Method
from memr_cli.vocabulary import Calibration


def chosen(experiment: Experiment, names: Sequence[str]) -> Choice:
    """The methods to evaluate; says which of a collective name's are skipped, and why."""
    choice = choose(names, collective_names(names), experiment.holdings)
    for name, reason in choice.skipped.items():
        experiment.place.notice(f"{name} is skipped: {reason}")
    return choice


def refuse_pointless(experiment: Experiment, methods: Sequence[Method]) -> None:
    """Raise UsageError for an option that has no effect on any of the methods."""
    asked, names = experiment.settings, ", ".join(method.name for method in methods)
    members = [member for method in methods for member in experiment.members(method)]
    hiding = any(
        experiment.training_settings(member).modality_dropout
        and len(member.modalities(experiment.held)) > 1
        for member in members
    )
    if asked.overrides.get("modality_dropout") and not hiding:
        raise UsageError(
            f"--modality-dropout has no effect on {names}, whose networks see one modality each. "
            "Leave it out, or add a method that fuses features, such as early."
        )
    if asked.overrides and all(isinstance(member, InstalledMethod) for member in members):
        raise UsageError(
            f"--{next(iter(asked.overrides)).replace('_', '-')} has no effect on {names}, which no "
            "network of memr's is part of. Leave it out, or add a method of memr's own."
        )
    if asked.calibrate is not Calibration.NONE and not any(map(experiment.calibrates, methods)):
        raise UsageError(
            f"--calibrate has no effect on {names}: shares of votes are no probabilities. Leave it "
            "out, or add a method that has probabilities, such as early."
        )
    if asked.ensemble and not any(map(experiment.averages, methods)):
        raise UsageError(
            f"--ensemble has no effect on {names}: shares of votes are no probabilities. Leave it "
            "out, or add a method that has probabilities, such as late-mean."
        )
    used = {name for method in methods for name in experiment.modalities(method)}
    unused = [name for name in asked.normalize_each if name not in used]
    if unused:
        raise UsageError(
            f"--normalize {unused[0]}={asked.normalize_each[unused[0]]} has no effect on {names}. "
            f"Leave it out, or add a method that uses {unused[0]} features."
        )


def train_methods(experiment: Experiment, choice: Choice, command: str) -> Iterator[dict[str, Any]]:
    """Make each method's models; for a vote, those of its members."""
    from memr_cli.experiment.making import train  # not needed for a result that is read

    refuse_pointless(experiment, choice.methods)
    experiment.prepare_folder(choice.methods)
    experiment.protect_checkpoints(choice.methods)
    experiment.use_only(choice.methods)

    def result_of(method: Method) -> dict[str, Any]:
        with experiment.working_on([method]):
            return train(experiment, method, command)

    yield from each_result(experiment, choice, result_of)


def evaluate_methods(experiment: Experiment, choice: Choice) -> Iterator[dict[str, Any]]:
    """Score each method on speakers that its training never saw; a fresh result is read."""
    refuse_pointless(experiment, choice.methods)
    experiment.prepare_folder(choice.methods)
    found = standings(experiment, choice.methods)
    to_make = [method for method in choice.methods if found[method.name].fresh is None]
    experiment.protect_checkpoints(to_make)
    experiment.use_only(to_make)

    def look(method: Method) -> Standing:
        return standings(experiment, [method])[method.name]

    def make(method: Method, key: str) -> dict[str, Any]:
        from memr_cli.experiment.making import evaluate  # not needed for a result that is read

        return evaluate(experiment, method, key)

    yield from read_or_made(experiment, choice, found, lambda method: [method], look, make)


def read_or_made(
    experiment: Experiment,
    choice: Choice,
    found: Mapping[str, Standing],
    written: Callable[[Method], Sequence[Method]],
    look: Callable[[Method], Standing],
    make: Callable[[Method, str], dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """The fresh result of each method, or what `make` gives for it and its key.

    found: how results stood at first. written: the methods that making one may write files of, kept
    from other processes meanwhile. look: how a result stands now, which another process may have
    made while it was waited for. Says of a stale result that it is replaced, and why. Raises as
    `each_result`.
    """

    def result_of(method: Method) -> dict[str, Any]:
        fresh = found[method.name].fresh
        if fresh is not None:
            return fresh
        with experiment.working_on(written(method)):
            standing = look(method)
            if standing.fresh is not None:
                return standing.fresh
            if standing.stale is not None:
                from memr_cli.experiment.predicting import tested_folds

                tested_folds(experiment, method)  # what cannot be made replaces nothing
                experiment.place.notice(standing.stale)
            return make(method, standing.key)

    yield from each_result(experiment, choice, result_of)


def each_result(
    experiment: Experiment, choice: Choice, result_of: Callable[[Method], dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """The result of each method chosen. One that only a collective name stands for may be skipped.

    Raises UnsupportedError for a method asked for by name that the store does not support under
    the protocol, or if none remains.
    """
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
