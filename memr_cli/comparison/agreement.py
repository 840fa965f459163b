"""Check that results may be compared: same store, protocol, subset, folds, seeds and classes.

Normalisation has to agree in the modalities that two results share. Where they share none, one may
be normalised by speaker and the other globally, as after `--normalize acoustic=speaker`. An
ensemble and single seeds are compared only with `--across ensemble`, except for votes, which are
never ensembles.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from memr_cli.comparison.evaluated import Evaluated, Request
from memr_cli.comparison.suggestions import location_options
from memr_cli.errors import UnsupportedError
from memr_cli.vocabulary import Across

_Differences = Callable[[Evaluated, Evaluated], Iterator[str]]


def refuse_other_content(results: Sequence[Evaluated], fingerprint: str, request: Request) -> None:
    """Raise UnsupportedError if a result was made from other content than the store's."""
    sentences = [
        f"{result.path} was made from other content than that of {request.store}: fingerprint "
        f"{result.evaluation.fingerprint}, not {fingerprint}. Name the store it was made from, or "
        f"replace it. Run: {result.remake_command(request.store)}"
        for result in results
        if result.evaluation.fingerprint != fingerprint
    ]
    if sentences:
        raise UnsupportedError("\n".join(sentences))


def refuse_differing(results: Sequence[Evaluated], labels: Sequence[str], request: Request) -> None:
    """Raise UnsupportedError if two results differ in more than their methods.

    The message names each setting in which a result differs from an earlier one, with both values.
    """
    sentences = []
    for number, (result, label) in enumerate(zip(results, labels, strict=True)):
        # Every earlier one: two results may share a modality, or utterances, that the first lacks.
        for earlier, name in zip(results[:number], labels, strict=False):
            sentence = _disagreement((earlier, result), request, results)
            if sentence:
                sentences.append(
                    f"{name} and {label} cannot be compared: they differ in {sentence}"
                )
                break
    if sentences:
        raise UnsupportedError("\n".join(sentences))


def _disagreement(
    pair: tuple[Evaluated, Evaluated], request: Request, results: Sequence[Evaluated]
) -> str | None:
    """Name the differences of two results and the next step, or return None."""
    earlier, result = pair
    question = list(_differing_questions(earlier, result))
    terms = list(_differing_terms(earlier, result))
    choices = [
        difference
        for field, differences in _CHOICES.items()
        if field not in request.across
        for difference in differences(earlier, result)
    ]
    if question:
        action = (
            "They answer different questions. Name results of one protocol and one subset; results "
            "of another subset need an output folder of their own (--out)."
        )
    elif terms:
        command = result.remake_command(request.store, earlier, keep=request.across)
        action = f"Evaluate {result.method} again, which replaces {result.path}. Run: {command}"
    else:
        action = f"To compare them anyway, permit it. Run: {_permitting(request, results)}"
    differing = question + terms + choices
    return f"{' and '.join(differing)}. {action}" if differing else None


def _permitting(request: Request, results: Sequence[Evaluated]) -> str:
    """Return the same command, with every --across that these results need."""
    words = ["memr", "compare", *request.methods]
    words += ["--against", request.against] if request.against else []
    words += ["--protocol", request.protocol] if request.protocol else []
    for field, differences in _CHOICES.items():
        pairs = combinations(results, 2)
        if field in request.across or any(list(differences(*pair)) for pair in pairs):
            words += ["--across", field]
    return shlex.join([*words, *location_options(request.store, request.out)])


def _differing_questions(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """Yield differences between results that are each right, for different questions."""
    yield from _unequal("protocol", first.protocol, other.protocol)
    yield from _unequal("subset", first.settings.subset, other.settings.subset)


def _differing_terms(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """Yield differences that make a comparison impossible."""
    seeds = [", ".join(map(str, one.settings.all_seeds)) for one in (first, other)]
    yield from _unequal("seeds", *seeds)
    classes = [", ".join(one.evaluation.class_names) for one in (first, other)]
    yield from _unequal("classes", *classes)
    if first.protocol == other.protocol:
        yield from _differing_folds(first, other)


def _unequal(name: str, first: str, other: str) -> Iterator[str]:
    if first != other:
        yield f"{name} ({first} and {other})"


def _differing_folds(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """Compare folds by utterance: a method without a modality may lose whole speakers of a fold."""
    n_folds = [str(len(one.evaluation.protocol.folds)) for one in (first, other)]
    if n_folds[0] != n_folds[1]:
        yield from _unequal("folds", *n_folds)
        return
    one, two = (
        dict(zip(r.predictions.utterances, r.predictions.fold, strict=True)) for r in (first, other)
    )
    moved = [name for name in one.keys() & two.keys() if one[name] != two[name]]
    if moved:
        name, n = min(moved), len(moved)
        who = "1 utterance is" if n == 1 else f"{n} utterances are"
        yield f"folds ({who} tested in another fold: {name} in fold {one[name]} and {two[name]})"


def _differing_normalization(first: Evaluated, other: Evaluated) -> Iterator[str]:
    others = other.settings.normalization_by_modality
    for modality, how in first.settings.normalization_by_modality.items():
        yield from _unequal(f"normalisation of {modality}", how, others.get(modality, how))


def _differing_ensemble(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """Votes have no probabilities to average, so they are compared with either."""
    if not (first.evaluation.votes or other.evaluation.votes):
        ensembles = ["yes" if one.settings.ensemble else "no" for one in (first, other)]
        yield from _unequal("ensemble", *ensembles)


_CHOICES: dict[Across, _Differences] = {
    Across.NORMALIZE: _differing_normalization,
    Across.ENSEMBLE: _differing_ensemble,
}
"""Differences that the user may permit."""
