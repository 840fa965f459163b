"""Training, fusing and evaluating methods: one result a method, each as soon as it is known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from memr_cli.errors import MethodUnsupportedError, UnsupportedError, UsageError
from memr_cli.experiment.experiment import Choice, Experiment, choose, collective_names
from memr_cli.experiment.freshness import Freshness, evaluations
from memr_cli.experiment.trial import Member, Trial
from memr_cli.files.waiting import holding
from memr_cli.methods.installed import InstalledMethod
from memr_cli.methods.method import CombiningMethod, Method, TrainedMethod
from memr_cli.methods.registry import named
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import prepare_folder, refuse_folder
from memr_cli.results.saved import store_named_in
from memr_cli.results.schema import Result
from memr_cli.results.training import Training
from memr_cli.vocabulary import Calibration
from store.locking import remove_free

_R = TypeVar("_R", bound=Result)


def trials_of(experiment: Experiment, methods: Sequence[Method]) -> tuple[Trial, ...]:
    """Return a trial of each method; they read the modalities that any of them uses."""
    trained = [_trained(experiment, method) for method in methods]
    used = {name for ms in trained for one in ms for name in one.modalities(experiment.held)}
    loaded = tuple(name for name in experiment.held if name in used)
    return tuple(
        Trial(
            experiment,
            method,
            tuple(Member(experiment, member, loaded) for member in members),
            loaded,
        )
        for method, members in zip(methods, trained, strict=True)
    )


def _trained(experiment: Experiment, method: Method) -> list[TrainedMethod]:
    """The trained methods that a method rests on: its members, or itself."""
    if isinstance(method, CombiningMethod):
        found = [named(name, experiment.held) for name in method.members(experiment.held)]
        return [member for member in found if isinstance(member, TrainedMethod)]
    return [method]


def _names(trials: Sequence[Trial]) -> list[str]:
    """The names of these methods and of their members, each once."""
    members = (member.method.name for trial in trials for member in trial.members)
    return list(dict.fromkeys((*(trial.name for trial in trials), *members)))


def prepare_output(experiment: Experiment, trials: Sequence[Trial]) -> None:
    """Make sure, before any work, that the results of these trials may be written.

    Raises UnsupportedError where one would replace a result of a store of another name,
    SystemRefusedError where a folder has the path of one, PermissionError where the output folder
    is read-only, OSError where it cannot be made.
    """
    protocol, folder = experiment.settings.protocol, experiment.folder
    prepare_folder(folder.root)
    remove_free(folder.locks(protocol))
    for name in _names(trials):
        metrics = folder.metrics(protocol, name)
        refuse_folder(metrics)
        refuse_folder(folder.predictions(protocol, name))
        experiment.refuse_another_stores(metrics, store_named_in(metrics))


def protect_checkpoints(experiment: Experiment, trials: Sequence[Trial]) -> None:
    """Raise UnsupportedError where making these would replace models of another store."""
    if not trials:
        return
    from memr_cli.learning.checkpoints import CheckpointError, read_facts

    for name in _names(trials):
        for checkpoint in experiment.folder.all_checkpoints(experiment.settings.protocol, name):
            try:
                owner = read_facts(checkpoint).get("store")
            except (CheckpointError, FileNotFoundError):
                continue  # reported, and replaced, where it would be used
            experiment.refuse_another_stores(checkpoint, owner)


@contextmanager
def locked(experiment: Experiment, trials: Sequence[Trial]) -> Iterator[None]:
    """Keep other processes from making models or results of these trials meanwhile.

    Waits for those that do, as long as `place.wait` says. Raises SystemRefusedError where they are
    not done by then.
    """
    protocol, folder, place = experiment.settings.protocol, experiment.folder, experiment.place
    names = _names(trials)
    with holding([folder.lock(protocol, name) for name in names], place.wait, place.notice):
        for name in names:
            folder.remove_leftovers(protocol, name)
        yield


def chosen(experiment: Experiment, names: Sequence[str]) -> Choice:
    """Return the methods to evaluate; report those of a collective name that are skipped."""
    choice = choose(names, collective_names(names, experiment.held), experiment.holdings)
    for name, reason in choice.skipped.items():
        experiment.place.notice(f"{name} is skipped: {reason}")
    return choice


def refuse_pointless(experiment: Experiment, trials: Sequence[Trial]) -> None:
    """Raise UsageError for an option that has no effect on any of the methods."""
    asked, names = experiment.settings, ", ".join(trial.name for trial in trials)
    members = [member for trial in trials for member in trial.members]
    hiding = any(
        member.settings.modality_dropout and len(member.modalities) > 1 for member in members
    )
    if asked.overrides.get("modality_dropout") and not hiding:
        raise UsageError(
            f"--modality-dropout has no effect on {names}, whose networks see one modality each. "
            "Leave it out, or add a method that fuses features, such as early."
        )
    if asked.overrides and all(isinstance(one.method, InstalledMethod) for one in members):
        raise UsageError(
            f"--{next(iter(asked.overrides)).replace('_', '-')} has no effect on {names}, which no "
            "network of memr's is part of. Leave it out, or add a method of memr's own."
        )
    if asked.calibrate is not Calibration.NONE and not any(one.is_calibrated for one in trials):
        raise UsageError(
            f"--calibrate has no effect on {names}: shares of votes are no probabilities. Leave it "
            "out, or add a method that has probabilities, such as early."
        )
    if asked.ensemble and not any(trial.is_ensemble for trial in trials):
        raise UsageError(
            f"--ensemble has no effect on {names}: shares of votes are no probabilities. Leave it "
            "out, or add a method that has probabilities, such as late-mean."
        )
    used = {name for trial in trials for name in trial.modalities}
    unused = [name for name in asked.normalize_each if name not in used]
    if unused:
        raise UsageError(
            f"--normalize {unused[0]}={asked.normalize_each[unused[0]]} has no effect on {names}. "
            f"Leave it out, or add a method that uses {unused[0]} features."
        )


def train_methods(experiment: Experiment, choice: Choice, command: str) -> Iterator[Training]:
    """Make each method's models; for a vote, those of its members."""
    from memr_cli.experiment.evaluate import train  # not needed for a result that is read

    trials = trials_of(experiment, choice.methods)
    refuse_pointless(experiment, trials)
    prepare_output(experiment, trials)
    protect_checkpoints(experiment, trials)

    def result_of(trial: Trial) -> Training:
        with locked(experiment, [trial]):
            return train(trial, command)

    yield from each_result(experiment, trials, choice.by_name, result_of)


def evaluate_methods(experiment: Experiment, choice: Choice) -> Iterator[Evaluation]:
    """Score each method on speakers that its training never heard; a fresh result is read."""
    trials = trials_of(experiment, choice.methods)
    refuse_pointless(experiment, trials)
    prepare_output(experiment, trials)
    found = evaluations(trials)
    stale = trials_of(experiment, [t.method for t in trials if found[t.name].fresh is None])
    protect_checkpoints(experiment, stale)

    def look(trial: Trial) -> Freshness[Evaluation]:
        return evaluations([trial])[trial.name]

    def make(trial: Trial, key: str) -> Evaluation:
        from memr_cli.experiment.evaluate import evaluate  # not needed for a result that is read

        return evaluate(trial, key)

    yield from read_or_make(
        experiment,
        reading_only_for(trials, stale),
        choice.by_name,
        found,
        lambda trial: [trial],
        look,
        make,
    )


def reading_only_for(trials: Sequence[Trial], stale: Sequence[Trial]) -> list[Trial]:
    """Return the trials with those that are made replaced: these read no more than they need."""
    made = {trial.name: trial for trial in stale}
    return [made.get(trial.name, trial) for trial in trials]


def read_or_make(
    experiment: Experiment,
    trials: Sequence[Trial],
    by_name: frozenset[str],
    found: Mapping[str, Freshness[_R]],
    written: Callable[[Trial], Sequence[Trial]],
    look: Callable[[Trial], Freshness[_R]],
    make: Callable[[Trial, str], _R],
) -> Iterator[_R]:
    """Yield the fresh result of each trial, or what `make` gives for it and its key.

    found: the state of results at first. written: trials whose files making one may write, locked
    meanwhile. look: the state of a result now, which another process may have made while this one
    waited. Reports why a stale result is replaced. Raises as `each_result`.
    """

    def result_of(trial: Trial) -> _R:
        fresh = found[trial.name].fresh
        if fresh is not None:
            return fresh
        with locked(experiment, written(trial)):
            state = look(trial)
            if state.fresh is not None:
                return state.fresh
            if state.stale is not None:
                _ = trial.folds  # what cannot be made replaces nothing
                experiment.place.notice(state.stale)
            return make(trial, state.key)

    yield from each_result(experiment, trials, by_name, result_of)


def each_result(
    experiment: Experiment,
    trials: Sequence[Trial],
    by_name: frozenset[str],
    result_of: Callable[[Trial], _R],
) -> Iterator[_R]:
    """Yield the result of each trial. One that only a collective name stands for may be skipped.

    Raises UnsupportedError for a method asked for by name that the store does not support under
    the protocol, or if none remains.
    """
    reasons = []
    for trial in trials:
        try:
            result = result_of(trial)
        except MethodUnsupportedError as reason:
            if trial.name in by_name:
                raise
            experiment.place.notice(f"{trial.name} is skipped: {reason}")
            reasons.append(str(reason))
            continue
        yield result
    if len(reasons) == len(trials):
        raise UnsupportedError(reasons[0])
