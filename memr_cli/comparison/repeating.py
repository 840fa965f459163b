"""The commands that make a result which is missing, stale or unlike the others."""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.evaluation.protocols import PROTOCOLS
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
    if trained is not None and trained.result.preset != "default":
        words += ["--preset", trained.result.preset]
    words += _own(itself) if itself is not None else []
    words += _normalize([result for result in (itself, like) if result is not None])
    return shlex.join([*words, *store_options(store, out)])


def store_options(store: Path, out: Path) -> list[str]:
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
    kept: dict[str, Any] = {name.value: getattr(result.settings, name.value) for name in keep}
    # A vote says nothing of the others: it is never an ensemble.
    if terms.result.votes:
        kept["ensemble"] = result.settings.ensemble
    settings = msgspec.structs.replace(terms.settings, **kept)
    terms = replace(terms, result=msgspec.structs.replace(terms.result, settings=settings))
    return command([result.method], terms.protocol, (store, result.folder.root), terms, result)


def _terms(like: Evaluated, methods: Sequence[str]) -> list[str]:
    words = []
    takes_folds = PROTOCOLS[ProtocolName(like.protocol)].takes_folds
    if takes_folds and len(like.n_test) != DEFAULT_FOLDS:
        words += ["--folds", str(len(like.n_test))]
    asked = like.settings
    if asked.seed:
        words += ["--seed", str(asked.seed)]
    if asked.seeds > 1:
        words += ["--seeds", str(asked.seeds)]
        words += ["--ensemble"] if asked.ensemble and not _all_vote(methods) else []
    if asked.subset != "all":
        words += ["--subset", asked.subset]
    return words


def _all_vote(methods: Sequence[str]) -> bool:
    """Whether none has probabilities, which an ensemble averages."""
    from memr_cli.methods.registry import registered  # needed only to say what to type

    found = (registered().get(name) for name in methods)
    return all(getattr(method, "votes", False) for method in found)


def _own(result: Evaluated) -> list[str]:
    words = []
    for name, value in sorted(result.settings.overrides.items()):
        words += [f"--{name.replace('_', '-')}", str(value)]
    if result.settings.calibrate:
        words += ["--calibrate", result.settings.calibrate]
    return words


def _normalize(results: Sequence[Evaluated]) -> list[str]:
    """For each modality as the last of the results has it."""
    hows = {name: how for result in results for name, how in result.normalize.items()}
    words = []
    for name, how in hows.items():
        words += ["--normalize", f"{name}={how}"] if how != "global" else []
    return words
