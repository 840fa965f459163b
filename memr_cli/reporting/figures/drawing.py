"""All figures of a group."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from memr_cli.progress import Progress, silent
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


Part = Callable[[], Drawing | Sequence[Drawing] | None]
"""Draws a part of the report: one figure, several, or none."""


def draw(
    group: Group,
    found: Studies,
    colours: Mapping[str, str],
    notice: Callable[[str], None],
    progress: Progress = silent,
) -> list[Drawing]:
    """Draw what the methods and studies of a group allow, in the order of the report."""
    drawings: list[Drawing] = []
    parts = list(_parts(group, found, colours))
    with style(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for part in progress(parts, f"drawing {group.name}", unit="part"):
            drawn = part()
            if drawn is not None:
                drawings += [drawn] if isinstance(drawn, Drawing) else drawn
    others = [one for one in caught if not str(one.message).startswith(_UNWRITTEN)]
    if len(others) < len(caught):
        notice(
            "No installed font has some characters of the class or speaker names; the figures "
            "show boxes there, the tables show the names. Install a font for that script, "
            "delete matplotlib's font cache and run `memr report` again."
        )
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return drawings


def _parts(group: Group, found: Studies, colours: Mapping[str, str]) -> Iterator[Part]:
    yield partial(comparison, group, colours)
    yield partial(contributions, group, colours)
    yield partial(per_class, group, colours)
    yield partial(confusion.by_method, group)
    for result in _by_fold(group):
        yield partial(confusion.by_fold, group, result)
    yield from _studied(found, colours)
    yield partial(weights, group, colours)
    yield partial(reliability, group, colours)
    yield partial(by_speaker, group, colours)


def _by_fold(group: Group) -> Sequence[Evaluated]:
    """Whose folds are looked at one by one: where methods are many, the one that scores highest."""
    if not group.is_crowded:
        return group.results
    return [max(group.results, key=lambda one: one.scores["f1_micro"].mean or 0.0)]


def _studied(found: Studies, colours: Mapping[str, str]) -> Iterator[Part]:
    several = len(found.comparisons) > 1
    for number, one in enumerate(found.comparisons, start=1):
        yield partial(differences, one, f"differences-{number}" if several else "differences")
    yield partial(shapley, found.ablations, colours)
    for ablation in found.ablations:
        yield partial(subsets, ablation, colours)
        yield partial(robustness, ablation, colours)
    yield partial(probes, found.audit, colours)
