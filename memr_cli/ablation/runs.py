"""Ablating methods: one object a method, each as soon as it is known."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from memr_cli.ablation.conditions import coalitions, members_of
from memr_cli.ablation.reuse import standing
from memr_cli.ablation.subjects import differs_retrained, rested_on
from memr_cli.errors import UnsupportedError
from memr_cli.experiment.experiment import Choice, Experiment
from memr_cli.experiment.reuse import Standing
from memr_cli.experiment.runs import read_or_made, refuse_pointless
from memr_cli.methods.method import Method


def ablate_methods(
    experiment: Experiment, choice: Choice, *, retrain: bool
) -> Iterator[dict[str, Any]]:
    """Ablate each method that works on several modalities; a fresh result is read."""
    choice = _of_several(experiment, choice)
    refuse_pointless(experiment, choice.methods)
    experiment.prepare_folder(choice.methods)
    found = {
        method.name: standing(experiment, method, retrain=retrain) for method in choice.methods
    }
    to_make = [method for method in choice.methods if found[method.name].fresh is None]
    experiment.protect_checkpoints(
        [part for method in to_make for part in _written(experiment, method, retrain=retrain)]
    )
    experiment.use_only(to_make)

    def written(method: Method) -> list[Method]:
        return [method, *_written(experiment, method, retrain=retrain)]

    def look(method: Method) -> Standing:
        return standing(experiment, method, retrain=retrain)

    def make(method: Method, key: str) -> dict[str, Any]:
        from memr_cli.ablation.making import ablate  # not needed for a result that is read

        return ablate(experiment, method, key, retrain=retrain)

    yield from read_or_made(experiment, choice, found, written, look, make)


def _of_several(experiment: Experiment, choice: Choice) -> Choice:
    """Those that have something to take away.

    Raises UnsupportedError for another that was asked for by name, or if none remains.
    """
    kept, reasons = [], []
    for method in choice.methods:
        modalities = experiment.modalities(method)
        if len(modalities) > 1:
            kept.append(method)
            continue
        reason = (
            f"method {method.name} works on the {modalities[0]} modality alone, so there is "
            "nothing to take away."
        )
        if method.name in choice.by_name:
            remedy = "Ablate a method that fuses modalities, such as early."
            raise UnsupportedError(f"{reason} {remedy}")
        reasons.append(f"{method.name} is skipped: {reason}")
    if not kept:
        raise UnsupportedError(
            f"the store holds {', '.join(experiment.held)} alone, so there is nothing to take away "
            "from any method. Ingest a corpus with more modalities."
        )
    for reason in reasons:
        experiment.place.notice(reason)
    return replace(choice, methods=tuple(kept))


def _written(experiment: Experiment, method: Method, *, retrain: bool) -> list[Method]:
    """The trained methods whose models an ablation may write."""
    modalities = experiment.modalities(method)
    found: list[Method] = [*experiment.members(method)]
    if retrain and differs_retrained(experiment, method):
        for number in coalitions(len(modalities))[1:-1]:
            found += rested_on(experiment, method, members_of(number, modalities))
    return found
