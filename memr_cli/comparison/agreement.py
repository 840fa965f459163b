"""Decide whether results may be compared, and note what a reader should know of them.

Normalisation has to agree in the modalities that two results share. Where they share none, one may
be normalised by speaker and the other globally: a run with `--normalize acoustic=speaker` makes
just such results of acoustic and lexical, which are meant to be compared. Metrics files name the
modalities of their own method alone, so that this run cannot be told from two that differ. A note
says which results are transductive and which are not.

A vote is never an ensemble, and may be compared with one: a run with `--ensemble` makes just such
results. A note says so.
"""

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import combinations

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.loading import Place
from memr_cli.comparison.repeating import remake, store_options
from memr_cli.errors import UnsupportedError
from memr_cli.vocabulary import Across

Field = Callable[[Evaluated], str]

_QUESTION: dict[str, Field] = {
    "protocol": lambda result: result.protocol,
    "subset": lambda result: result.settings.subset,
}
"""Results that differ in these are each right, and answer different questions."""

_TERMS: dict[str, Field] = {
    "seeds": lambda result: ", ".join(map(str, result.settings.all_seeds)),
    "classes": lambda result: ", ".join(result.result.class_names),
}


def refuse_other_content(results: Sequence[Evaluated], fingerprint: str, place: Place) -> None:
    """Raise UnsupportedError where a result was made from other content than the store's."""
    sentences = [
        f"{result.path} was made from other content than {place.store} has: fingerprint "
        f"{result.result.fingerprint} against {fingerprint}. Name the store it was made from, or "
        f"make it anew, which replaces it. Run: {remake(result, place.store)}"
        for result in results
        if result.result.fingerprint != fingerprint
    ]
    if sentences:
        raise UnsupportedError("\n".join(sentences))


def refuse_differing(
    results: Sequence[Evaluated],
    labels: Sequence[str],
    across: Collection[Across],
    place: Place,
    names: Sequence[str],
) -> None:
    """Raise UnsupportedError where two results differ in more than their methods.

    names: as the person typed them. The message names each field in which a result differs from an
    earlier one, with both values.
    """
    permitting = _permitting(names, place, _needed(results, across))
    sentences = []
    for number, result in enumerate(results):
        # Two results may share a modality, or utterances, that the first of all has not.
        for earlier, label in zip(results[:number], labels, strict=False):
            question = list(_differing(earlier, result, _QUESTION))
            terms = list(_differing(earlier, result, _TERMS))
            terms += _folds(earlier, result) if earlier.protocol == result.protocol else []
            choices = [
                difference
                for field, found in _CHOICES.items()
                if field not in across
                for difference in found(earlier, result)
            ]
            differing = question + terms + choices
            if not differing:
                continue
            if question:
                action = f"They answer different questions and are not paired. {_APART}"
            elif terms:
                action = (
                    f"Make {labels[number]} like {label}, which replaces {result.path}. "
                    f"Run: {remake(result, place.store, earlier, keep=across)}"
                )
            else:
                action = f"If that is what you ask about, permit it. Run: {permitting}"
            sentences.append(
                f"{label} and {labels[number]} cannot be compared, since they differ in "
                f"{' and '.join(differing)}. {action}"
            )
            break
    if sentences:
        raise UnsupportedError("\n".join(sentences))


_APART = (
    "Name results of one protocol and one subset; results of another subset need a folder of their "
    "own (--out)."
)


def _needed(results: Sequence[Evaluated], across: Collection[Across]) -> list[Across]:
    """What has to be permitted for all of the results to be compared."""
    return [
        field
        for field, found in _CHOICES.items()
        if field in across or any(list(found(*pair)) for pair in combinations(results, 2))
    ]


def _permitting(names: Sequence[str], place: Place, needed: Sequence[Across]) -> str:
    """The comparison again, though results differ in what is needed."""
    protocol = ["--protocol", place.protocol] if place.protocol else []
    across = [word for field in needed for word in ("--across", field)]
    return shlex.join(
        ["memr", "compare", *names, *protocol, *across, *store_options(place.store, place.out)]
    )


def _differing(first: Evaluated, other: Evaluated, fields: dict[str, Field]) -> Iterator[str]:
    for name, value in fields.items():
        if value(first) != value(other):
            yield f"{name} ({value(first)} against {value(other)})"


def _differing_normalisation(first: Evaluated, other: Evaluated) -> Iterator[str]:
    for modality, how in first.normalize.items():
        others = other.normalize.get(modality, how)
        if others != how:
            yield f"normalisation of {modality} ({how} against {others})"


def _differing_ensemble(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """A vote has no probabilities to average, so that it goes with either."""
    one, two = first.settings.ensemble, other.settings.ensemble
    if one != two and not (first.result.votes or other.result.votes):
        yield f"ensemble ({_yes(one)} against {_yes(two)})"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_CHOICES: dict[Across, Callable[[Evaluated, Evaluated], Iterator[str]]] = {
    Across.NORMALIZE: _differing_normalisation,
    Across.ENSEMBLE: _differing_ensemble,
}
"""Results that differ in these may be compared where a person permits it."""


def _folds(first: Evaluated, other: Evaluated) -> Iterator[str]:
    """A method that lacks a modality may have lost utterances, even whole speakers, of a fold."""
    if len(first.n_test) != len(other.n_test):
        yield f"folds ({len(first.n_test)} against {len(other.n_test)})"
        return
    one, two = (
        dict(zip(r.predictions.utterances, r.predictions.fold, strict=True)) for r in (first, other)
    )
    moved = [name for name in one.keys() & two.keys() if one[name] != two[name]]
    if moved:
        name = min(moved)
        yield (
            f"folds ({len(moved)} utterances are tested by another fold, {name} by fold "
            f"{one[name]} against {two[name]})"
        )


def notes(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """What may differ between results, and does."""
    for field in dict.fromkeys(
        name for result in results for name in result.result.training_choices
    ):
        values = [result.result.training_choices.get(field, "as preset") for result in results]
        if len(set(values)) > 1:
            yield f"they are trained with different {field}: {_each(labels, values)}"
    for library in results[0].result.versions:
        made_by = [str(result.result.versions.get(library)) for result in results]
        if len(set(made_by)) > 1 and "None" not in made_by:
            yield f"they were made by different versions of {library}: {_each(labels, made_by)}"
    yield from _ensembles(results, labels)
    yield from _ahead(results, labels)
    yield from _unlike(results, labels)


def _ahead(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """Which see something of the test part, those that see the same together."""
    labelled = list(zip(labels, results, strict=True))
    by_speaker = [one.settings.by_speaker for one in results]
    for modalities in dict.fromkeys(filter(None, by_speaker)):
        who = [label for label, one in labelled if one.settings.by_speaker == modalities]
        normalise = "normalises" if len(who) == 1 else "normalise"
        yield (
            f"{_listed(who)} {normalise} {', '.join(modalities)} features by speaker, test "
            "speakers by their own, without labels: transductive"
        )
    who = [label for label, one in labelled if one.result.reads_test_dialogues]
    if who:
        has = "has" if len(who) == 1 else "have"
        yield (
            f"{_listed(who)} {has} turns of test dialogues, without labels, as context in "
            "training: transductive"
        )


def _ensembles(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """Which average their seeds, and what that means for a difference from those that do not."""
    labelled = list(zip(labels, results, strict=True))
    averaged = [label for label, result in labelled if result.settings.ensemble]
    single = [label for label, result in labelled if not result.settings.ensemble]
    if not averaged:
        return
    n_seeds = results[0].settings.seeds
    decide = "decides" if len(averaged) == 1 else "decide"
    text = f"{_listed(averaged)} {decide} by the mean of the probabilities of {n_seeds} seeds"
    if single:
        text += (
            f" and {_listed(single)} {_is(single)} scored seed by seed, so that a difference "
            "between them may come from averaging"
        )
    yield text


def _unlike(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """Where some see test speakers' features ahead, and others do not."""
    labelled = list(zip(labels, results, strict=True))
    ahead = [
        label
        for label, one in labelled
        if one.settings.by_speaker or one.result.reads_test_dialogues
    ]
    others = [label for label in labels if label not in ahead]
    if ahead and others:
        dialogues = any(result.result.reads_test_dialogues for result in results)
        what = "what they see of the test part" if dialogues else "normalisation"
        yield (
            f"{_listed(ahead)} {_is(ahead)} transductive and {_listed(others)} "
            f"{_is(others)} not, so that a difference between them may come from {what}"
        )


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _each(labels: Sequence[str], values: Sequence[str]) -> str:
    return "; ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))
