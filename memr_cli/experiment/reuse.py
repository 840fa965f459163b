"""Which results on disk are what would come out again, and why others are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import evaluation_key, training_key
from memr_cli.files.shapes import each, fits, maybe, pair
from memr_cli.methods.method import Method
from memr_cli.results.folder import refuse_folder
from memr_cli.results.hashes import hashes
from memr_cli.results.saved import read_metrics


def _is_score(value: Any) -> bool:
    """Whether it is an entry of `metrics`, with a deviation where there is a mean."""
    shape = {"mean": maybe(float), "std": maybe(float), "folds": [maybe(float)]}
    fitting = fits(value, {**shape, "ci95": maybe(pair(float))})
    return fitting and (value["mean"] is None or value["std"] is not None)


_TOLD = {
    "n": int,
    "metrics": dict.fromkeys(("f1_micro", "uar", "f1_macro"), _is_score),
    "settings": {"modalities": [str]},
    "leakage": {
        "speakers": int,
        "dialogues": maybe({"share": maybe(float), "as_context": bool}),
        "identical": each({"share": maybe(float)}),
    },
    "notes": [str],
}
"""What a result has that is told to people, whoever wrote the file that it is read from."""

_TIES = maybe({"count": int, "share": float})
"""What a vote has besides."""


@dataclass(frozen=True)
class Standing:
    """What lies there of one method's result.

    key: what a fresh one must have. fresh: the result, where it is. stale: a sentence on why the
    one that lies there is replaced, where one does.
    """

    key: str
    fresh: dict[str, Any] | None = None
    stale: str | None = None


def standings(experiment: Experiment, methods: Sequence[Method]) -> dict[str, Standing]:
    """How each method's result stands, by name. Every file that they rest on is read once."""
    folder, protocol = experiment.folder, experiment.settings.protocol
    found = {method.name: read_metrics(folder.metrics(protocol, method.name)) for method in methods}
    keys = {method.name: _key(experiment, method) for method in methods}
    vouched = [
        file
        for name, metrics in found.items()
        if metrics is not None and metrics["key"] == keys[name]
        for file in metrics["hashes"]
    ]
    there = hashes(folder, vouched)
    return {
        name: _standing(experiment, name, key, found[name], there) for name, key in keys.items()
    }


def _key(experiment: Experiment, method: Method) -> str:
    return evaluation_key(
        method.name,
        trained_keys(experiment, method),
        experiment.runs(method),
        experiment.settings.overrides,
        calibrated=experiment.calibrates(method),
    )


def trained_keys(experiment: Experiment, method: Method) -> dict[str, str]:
    """The keys of the models that a method rests on, by the names of its members."""
    return {
        member.name: training_key(
            experiment.store.fingerprint,
            member,
            experiment.settings,
            experiment.training_settings(member),
            experiment.by_speaker(member),
        )
        for member in experiment.members(method)
    }


def _standing(
    experiment: Experiment,
    name: str,
    key: str,
    found: dict[str, Any] | None,
    there: Mapping[str, str],
) -> Standing:
    folder, protocol = experiment.folder, experiment.settings.protocol
    path = folder.metrics(protocol, name)
    if found is None or found["method"] != name or not _is_told(found):
        return Standing(key, stale=unreadable(path))
    if found["key"] != key:
        reason = (
            "the store's content has changed"
            if found["fingerprint"] != experiment.store.fingerprint
            else "it was made with other settings or by another version of memr"
        )
        return Standing(key, stale=f"{path} is replaced: {reason}.")
    changed = [file for file, vouched in found["hashes"].items() if there.get(file) != vouched]
    if changed:
        reason = f"{changed[0]} is missing or not the file that was scored"
        return Standing(key, stale=f"{path} is replaced: {reason}.")
    files = folder.files(protocol, name, found["hashes"])
    return Standing(key, {**found, **experiment.identity(), "files": files, "reused": True})


def _is_told(found: Mapping[str, Any]) -> bool:
    return fits(found, _TOLD) and fits(found.get("ties"), _TIES)


def unreadable(path: Path) -> str | None:
    """Why a file that is no result of memr's is replaced, where one lies there.

    Raises SystemRefusedError where a folder does, which no file can replace.
    """
    refuse_folder(path)
    if not path.exists():
        return None
    return f"{path} is replaced: it is not as memr wrote it."
