"""What to type to make a result that is missing, stale or unlike the others."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.vocabulary import DEFAULT_FOLDS, Across, ProtocolName


def command(
    methods: Sequence[str],
    protocol: str,
    place: tuple[Path, Path],
    like: Evaluated | None = None,
    itself: Evaluated | None = None,
) -> str:
    """What to type to evaluate methods, from the store and into the folder of `place`.

    like: a result whose folds, seeds, subset and normalisation are taken over. itself: the result
    that is made anew, whose training is taken over.
    """
    store, out = place
    words = ["memr", "evaluate"]
    for method in methods:
        words += ["--method", method]
    words += ["--protocol", protocol]
    if like is not None and like.protocol == protocol:
        words += _terms(like, methods)
    trained = itself or like
    if trained is not None and trained.preset != "default":
        words += ["--preset", trained.preset]
    words += _own(itself) if itself is not None else []
    words += _normalize([result for result in (itself, like) if result is not None])
    return shlex.join([*words, *whereabouts(store, out)])


def whereabouts(store: Path, out: Path) -> list[str]:
    """The options that name a store and the folder of its results."""
    beside = out.resolve() == store.parent.resolve()
    return ["--store", str(store), *([] if beside else ["--out", str(out)])]


def remake(
    result: Evaluated,
    store: Path,
    like: Evaluated | None = None,
    *,
    keep: Collection[Across] = (),
) -> str:
    """What to type to make a result anew, under the terms of another where one is given.

    keep: what is not among those terms, as results may differ in it.
    """
    terms = like or result
    kept = {name.value: result.settings.get(name.value) for name in keep}
    # A vote says nothing of what the others are: it is never an ensemble.
    if terms.votes:
        kept["ensemble"] = result.ensemble
    terms = replace(terms, settings={**terms.settings, **kept})
    return command([result.method], terms.protocol, (store, result.folder.root), terms, result)


def _terms(like: Evaluated, methods: Sequence[str]) -> list[str]:
    words = []
    if like.protocol == ProtocolName.SPEAKER and len(like.n_test) != DEFAULT_FOLDS:
        words += ["--folds", str(len(like.n_test))]
    if like.seeds[0]:
        words += ["--seed", str(like.seeds[0])]
    if len(like.seeds) > 1:
        words += ["--seeds", str(len(like.seeds))]
        words += ["--ensemble"] if like.ensemble and not _all_vote(methods) else []
    if like.subset != "all":
        words += ["--subset", like.subset]
    return words


def _all_vote(methods: Sequence[str]) -> bool:
    """Whether none has probabilities, which an ensemble averages."""
    from memr_cli.methods.registry import registered  # needed only to say what to type

    found = (registered().get(name) for name in methods)
    return all(getattr(method, "votes", False) for method in found)


def _own(result: Evaluated) -> list[str]:
    words = []
    for name, value in sorted(result.overrides.items()):
        words += [f"--{name.replace('_', '-')}", str(value)]
    if result.settings.get("calibrate"):
        words += ["--calibrate", str(result.settings["calibrate"])]
    return words


def _normalize(results: Sequence[Evaluated]) -> list[str]:
    """For each modality as the last of the results has it."""
    hows = {name: how for result in results for name, how in result.normalize.items()}
    words = []
    for name, how in hows.items():
        words += ["--normalize", f"{name}={how}"] if how != "global" else []
    return words
