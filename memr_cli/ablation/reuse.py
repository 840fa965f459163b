"""Which ablations on disk are what would come out again, and why others are not."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from memr_cli.ablation.conditions import LEVELS, SHARES, coalitions, members_of
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import code_version
from memr_cli.experiment.reuse import Standing, trained_keys, unreadable
from memr_cli.files.shapes import fits, maybe, pair
from memr_cli.methods.method import Method
from memr_cli.results.hashes import hash_of, hashes
from memr_cli.results.saved import read_object

SCHEMA = "memr.ablate/1"
NEEDED = ("store", "fingerprint", "method", "key", "hashes", "settings", "digest")
ROOMS = ("ablation",)
"""Whose code shapes an ablation beyond what shapes models."""


def ablation_key(experiment: Experiment, method: Method) -> str:
    """Key of a method's ablation, from the keys of the models it rests on.

    Whether it was retrained does not count: a result that tells more is fresh too.
    """
    facts = {
        "code": code_version(ROOMS),
        "method": method.name,
        "trained": trained_keys(experiment, method),
        "seeds": list(experiment.settings.seeds),
        "overrides": dict(experiment.settings.overrides),
    }
    return hash_of(facts)


def standing(experiment: Experiment, method: Method, *, retrain: bool) -> Standing:
    """How a method's ablation stands.

    Raises UnsupportedError where one of a store of another name would be replaced.
    """
    folder = experiment.folder
    path = folder.ablation(experiment.settings.protocol, method.name)
    key = ablation_key(experiment, method)
    found = read_object(path, SCHEMA, NEEDED)
    if found is None or not _is_told(found, method, experiment.modalities(method)):
        return Standing(key, stale=unreadable(path))
    experiment.refuse_another_stores(path, found["store"])
    if found["key"] != key:
        reason = (
            "the store's content has changed"
            if found["fingerprint"] != experiment.store.fingerprint
            else "it was made with other settings or by another version of memr"
        )
        return Standing(key, stale=f"{path} is replaced: {reason}.")
    if retrain and not found["settings"]["retrain"]:
        return Standing(key, stale=f"{path} is replaced: it was made without --retrain.")
    there = hashes(folder, found["hashes"])
    changed = [file for file, vouched in found["hashes"].items() if there.get(file) != vouched]
    if changed:
        reason = f"{changed[0]} is missing or not the model that was ablated"
        return Standing(key, stale=f"{path} is replaced: {reason}.")
    files = {"ablation": str(path)}
    return Standing(key, {**found, **experiment.identity(), "files": files, "reused": True})


_METRICS = ("accuracy", "uar", "f1_macro")
_SCORE = {"mean": maybe(float), "std": maybe(float), "ci95": maybe(pair(float))}
_SCORES = dict.fromkeys(_METRICS, _SCORE)
_WORTH = {"value": maybe(float), "ci95": maybe(pair(float))}
_POINT = {"modality": maybe(str), "metrics": {"accuracy": {"mean": maybe(float)}}}


def _is_told(found: dict[str, Any], method: Method, modalities: Sequence[str]) -> bool:
    """Whether an ablation holds, in their order, all that is told of one to people."""
    worth = {metric: dict.fromkeys(modalities, _WORTH) for metric in _METRICS}
    shape = {
        "method": lambda name: name == method.name,
        "settings": {"retrain": bool},
        "modalities": lambda names: names == list(modalities),
        "subsets": [{"modalities": [str], "metrics": _SCORES, "retrained": maybe(_SCORES)}],
        "shapley": worth,
        "shapley_retrained": maybe(worth),
        "noise": [{**_POINT, "level": float}],
        "loss": [{**_POINT, "share": float}],
        "notes": [str],
    }
    return fits(found, shape) and _is_whole(found, modalities)


def _is_whole(found: dict[str, Any], modalities: Sequence[str]) -> bool:
    """Whether all subsets and every point of all curves are there, and defined alike."""
    every = [members_of(number, modalities) for number in coalitions(len(modalities))]
    told = [(one["modality"], one["level"]) for one in found["noise"]]
    lost = [(one["modality"], one["share"]) for one in found["loss"]]
    whose = (None, *modalities)
    known = {
        entry["metrics"]["accuracy"]["mean"] is None
        for entry in (*found["subsets"], *found["noise"], *found["loss"])
    }
    values = {worth["value"] is None for worth in found["shapley"]["accuracy"].values()}
    return (
        [one["modalities"] for one in found["subsets"]] == every
        and told == list(product(whose, LEVELS))
        and lost == list(product(whose, SHARES))
        and len(known | values) == 1
    )
