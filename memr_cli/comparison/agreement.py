"""Whether results may be compared: what they have to agree in, and what a reader has to know."""

from collections.abc import Callable, Collection, Iterator, Sequence

from memr_cli.comparison.choices import Across
from memr_cli.comparison.evaluated import Evaluated, remake
from memr_cli.comparison.loading import Place
from memr_cli.errors import UnsupportedError

Field = Callable[[Evaluated], str]

_SAME: dict[str, Field] = {
    "protocol": lambda result: result.protocol,
    "subset": lambda result: result.subset,
    "seeds": lambda result: ", ".join(map(str, result.seeds)),
    "classes": lambda result: ", ".join(result.class_names),
}


def refuse_other_content(results: Sequence[Evaluated], fingerprint: str, place: Place) -> None:
    """Raise UnsupportedError where a result was made from other content than the store's."""
    sentences = [
        f"{result.path} was made from other content than {place.store} has: fingerprint "
        f"{result.fingerprint} against {fingerprint}. Name the store it was made from, or make it "
        f"anew. Run: {remake(result, place.store)}"
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
) -> None:
    """Raise UnsupportedError where two results differ in more than their methods.

    The message names each field in which a result differs from an earlier one, with both values.
    """
    sentences = []
    for number, result in enumerate(results):
        # Two results may share a modality, or utterances, that the first of all has not.
        for earlier, label in zip(results[:number], labels, strict=False):
            differing = list(_differing(earlier, result))
            normalisation = list(_differing_normalisation(earlier, result))
            permit = "" if differing else " or permit it by --across normalize"
            if Across.NORMALIZE not in across:
                differing += normalisation
            if differing:
                sentences.append(
                    f"{label} and {labels[number]} cannot be compared, since they differ in "
                    f"{' and '.join(differing)}. Make {labels[number]} like {label}{permit}. "
                    f"Run: {remake(result, place.store, earlier)}"
                )
                break
    if sentences:
        raise UnsupportedError("\n".join(sentences))


def _differing(first: Evaluated, other: Evaluated) -> Iterator[str]:
    for name, value in _SAME.items():
        if value(first) != value(other):
            yield f"{name} ({value(first)} against {value(other)})"
    if first.protocol == other.protocol:
        yield from _folds(first, other)


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


def _each(labels: Sequence[str], values: Sequence[str]) -> str:
    return "; ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))
