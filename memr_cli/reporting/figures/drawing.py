"""All figures of a group."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

from memr_cli.reporting.evaluated import Evaluated
from memr_cli.reporting.figures import confusion
from memr_cli.reporting.figures.by_speaker import by_speaker
from memr_cli.reporting.figures.canvas import Drawing, style
from memr_cli.reporting.figures.comparison import comparison
from memr_cli.reporting.figures.contributions import contributions
from memr_cli.reporting.figures.differences import differences
from memr_cli.reporting.figures.per_class import per_class
from memr_cli.reporting.figures.probes import probes
from memr_cli.reporting.figures.reliability import reliability
from memr_cli.reporting.figures.robustness import robustness
from memr_cli.reporting.figures.shapley import shapley
from memr_cli.reporting.figures.subsets import subsets
from memr_cli.reporting.figures.weights import weights
from memr_cli.reporting.groups import Group
from memr_cli.reporting.studies.loading import Studies

_UNWRITTEN = ("Glyph ", "Matplotlib currently does not support ")
"""Begin what matplotlib says of characters that it cannot write as they should be."""


def draw(
    group: Group, found: Studies, colours: Mapping[str, str], notice: Callable[[str], None]
) -> list[Drawing]:
    """Draw what the methods and studies of a group allow, in the order of the report."""
    with style(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawings = [
            comparison(group, colours),
            contributions(group, colours),
            per_class(group, colours),
            *confusion.by_method(group),
            *(confusion.by_fold(group, result) for result in _by_fold(group)),
            *_studied(found, colours),
            *weights(group, colours),
            reliability(group, colours),
            by_speaker(group, colours),
        ]
    others = [one for one in caught if not str(one.message).startswith(_UNWRITTEN)]
    if len(others) < len(caught):
        notice(
            "No installed font has some characters of the class or speaker names; the figures "
            "show boxes there, the tables show the names. Install a font for that script, "
            "delete matplotlib's font cache and run `memr report` again."
        )
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return [drawing for drawing in drawings if drawing is not None]


def _by_fold(group: Group) -> Sequence[Evaluated]:
    """Whose folds are looked at one by one: where methods are many, the one that scores highest."""
    if not group.is_crowded:
        return group.results
    return [max(group.results, key=lambda one: one.scores["f1_micro"].mean or 0.0)]


def _studied(found: Studies, colours: Mapping[str, str]) -> Iterator[Drawing | None]:
    several = len(found.comparisons) > 1
    for number, one in enumerate(found.comparisons, start=1):
        yield from differences(one, f"differences-{number}" if several else "differences")
    yield from shapley(found.ablations, colours)
    for ablation in found.ablations:
        yield subsets(ablation, colours)
        yield robustness(ablation, colours)
    yield probes(found.audit, colours)
