"""A part of a report under a heading of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.tables import Captioned


@dataclass(frozen=True)
class Part:
    """`sentence` says what it shows, `lines` what else one has to know.

    key: unique among the parts of a group, and fit for an anchor.
    """

    key: str
    title: str
    sentence: str
    figures: tuple[Drawing, ...] = ()
    tables: tuple[Captioned, ...] = ()
    lines: tuple[str, ...] = ()


def of(figures: Sequence[Drawing], part: str) -> tuple[Drawing, ...]:
    """The figures that belong to a part."""
    return tuple(figure for figure in figures if figure.part == part)
