"""Which ablations on disk are what would come out again, and why others are not."""

from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import code_version
from memr_cli.experiment.reuse import Standing, trained_keys, unreadable
from memr_cli.methods.method import Method
from memr_cli.results import hash_of, hashes, read_object

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
    if found is None:
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
