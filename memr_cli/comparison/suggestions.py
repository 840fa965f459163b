"""The `memr evaluate` commands that messages suggest."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from memr_cli.evaluation.protocols import PROTOCOLS
from memr_cli.results.evaluation import Evaluation
from memr_cli.vocabulary import DEFAULT_FOLDS, Across, ProtocolName


def evaluate_command(
    methods: Sequence[str],
    protocol: str,
    store: Path,
    out: Path,
    like: Evaluation | None = None,
    own: Evaluation | None = None,
    keep: Collection[Across] = (),
) -> str:
    """Return the command that evaluates methods of a store into the folder `out`.

    like: the result whose folds, seeds, subset and normalisation the new ones get. own: the present
    result of the method, whose training settings are kept. keep: settings taken from `own` too.
    """
    words = ["memr", "evaluate"]
    for method in methods:
        words += ["--method", method]
    words += ["--protocol", protocol]
    if like is not None and like.protocol.name == protocol:
        # A vote is never an ensemble, so it does not say whether the others are.
        kept = own if own is not None and (like.votes or Across.ENSEMBLE in keep) else like
        words += _terms(like, methods, ensemble=kept.settings.ensemble)
    trained = own or like
    if trained is not None and trained.preset != "default":
        words += ["--preset", trained.preset]
    if own is not None:
        for name, value in sorted(own.settings.overrides.items()):
            words += [f"--{name.replace('_', '-')}", str(value)]
        if own.settings.calibrate:
            words += ["--calibrate", own.settings.calibrate]
    normalization = {} if own is None else own.settings.normalization_by_modality
    if like is not None and not (own is not None and Across.NORMALIZE in keep):
        normalization |= like.settings.normalization_by_modality
    for name, how in normalization.items():
        words += ["--normalize", f"{name}={how}"] if how != "global" else []
    return shlex.join([*words, *location_options(store, out)])


def location_options(store: Path, out: Path) -> list[str]:
    """Return the options that name a store and the folder of its results."""
    beside = out.resolve() == store.parent.resolve()
    return ["--store", str(store), *([] if beside else ["--out", str(out)])]


def _terms(like: Evaluation, methods: Sequence[str], *, ensemble: bool) -> list[str]:
    words, settings, n_folds = [], like.settings, len(like.protocol.folds)
    if PROTOCOLS[ProtocolName(like.protocol.name)].takes_folds and n_folds != DEFAULT_FOLDS:
        words += ["--folds", str(n_folds)]
    if settings.seed:
        words += ["--seed", str(settings.seed)]
    if settings.seeds > 1:
        words += ["--seeds", str(settings.seeds)]
        words += ["--ensemble"] if ensemble and not _all_vote(methods) else []
    if settings.subset != "all":
        words += ["--subset", settings.subset]
    return words


def _all_vote(methods: Sequence[str]) -> bool:
    """Return True if no method has probabilities, which an ensemble averages."""
    from memr_cli.methods.registry import registered  # only needed for an error message

    found = (registered().get(name) for name in methods)
    return all(getattr(method, "votes", False) for method in found)
