"""Whether results may be compared: what they have to agree in, and what a reader has to know.

Normalisation has to agree in the modalities that two results share. Where they share none, one may
be normalised by speaker and the other globally: a run with `--normalize acoustic=speaker` makes
just such results of acoustic and lexical, which are meant to be compared. Metrics files name the
modalities of their own method alone, so that this run cannot be told from two that differ. A note
says which results are transductive and which are not.
"""

import shlex
from collections.abc import Callable, Collection, Iterator, Sequence

from memr_cli.comparison.choices import Across
from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.loading import Place
from memr_cli.comparison.remaking import remake, whereabouts
from memr_cli.errors import UnsupportedError

Field = Callable[[Evaluated], str]

_QUESTION: dict[str, Field] = {
    "protocol": lambda result: result.protocol,
    "subset": lambda result: result.subset,
}
"""Results that differ in these are each right, and answer different questions."""

_TERMS: dict[str, Field] = {
    "seeds": lambda result: ", ".join(map(str, result.seeds)),
    "classes": lambda result: ", ".join(result.class_names),
}


def refuse_other_content(results: Sequence[Evaluated], fingerprint: str, place: Place) -> None:
    """Raise UnsupportedError where a result was made from other content than the store's."""
    sentences = [
        f"{result.path} was made from other content than {place.store} has: fingerprint "
        f"{result.fingerprint} against {fingerprint}. Name the store it was made from, or make it "
        f"anew, which replaces it. Run: {remake(result, place.store)}"
        for result in results
        if result.fingerprint != fingerprint
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
    permitting = _permitting(names, place)
    sentences = []
    for number, result in enumerate(results):
        # Two results may share a modality, or utterances, that the first of all has not.
        for earlier, label in zip(results[:number], labels, strict=False):
            question = list(_differing(earlier, result, _QUESTION))
            terms = list(_differing(earlier, result, _TERMS))
            terms += _folds(earlier, result) if earlier.protocol == result.protocol else []
            permitted = Across.NORMALIZE in across
            normalisation = [] if permitted else list(_differing_normalisation(earlier, result))
            differing = question + terms + normalisation
            if not differing:
                continue
            if question:
                action = f"They answer different questions and are not paired. {_APART}"
            elif terms:
                action = (
                    f"Make {labels[number]} like {label}, which replaces {result.path}. "
                    f"Run: {remake(result, place.store, earlier, normalize_as=not permitted)}"
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


def _permitting(names: Sequence[str], place: Place) -> str:
    """The comparison again, though normalisation differs."""
    protocol = ["--protocol", place.protocol] if place.protocol else []
    across = ["--across", Across.NORMALIZE]
    return shlex.join(
        ["memr", "compare", *names, *protocol, *across, *whereabouts(place.store, place.out)]
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
    for field in dict.fromkeys(name for result in results for name in result.training):
        values = [result.training.get(field, "as preset") for result in results]
        if len(set(values)) > 1:
            yield f"they are trained with different {field}: {_each(labels, values)}"
    for library in results[0].versions:
        made_by = [str(result.versions.get(library)) for result in results]
        if len(set(made_by)) > 1 and "None" not in made_by:
            yield f"they were made by different versions of {library}: {_each(labels, made_by)}"
    for label, result in zip(labels, results, strict=True):
        if result.transductive:
            yield (
                f"{label} normalises {', '.join(result.transductive)} features by speaker, test "
                "speakers by their own, without labels: transductive"
            )
    yield from _unlike(results, labels)


def _unlike(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """Where some see test speakers' features ahead, and others do not."""
    told = list(zip(labels, results, strict=True))
    ahead = [label for label, result in told if result.transductive]
    others = [label for label, result in told if not result.transductive]
    if ahead and others:
        yield (
            f"{' and '.join(ahead)} {_are(ahead)} transductive and {' and '.join(others)} "
            f"{_are(others)} not, so that a difference between them may come from normalisation"
        )


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _each(labels: Sequence[str], values: Sequence[str]) -> str:
    return "; ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))
