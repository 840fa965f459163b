"""A section of the report: the parts that it sets under headings, for every format alike."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from memr_cli.reporting.choice import Choice
from memr_cli.reporting.drawing.canvas import Drawing
from memr_cli.reporting.groups import Group
from memr_cli.reporting.loading import Studies
from memr_cli.reporting.tables import Captioned


@dataclass(frozen=True)
class Context:
    """Everything a section may show: the results and studies of one group, and the options."""

    group: Group
    studies: Studies
    colours: Mapping[str, str]
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Part:
    """One heading of the page with a sentence, figures, tables, lines, settings and commands.

    key: unique among the parts of a group, and fit for an anchor. folded_figures: shown on request
    on the page. folded: so is everything under the heading. paper: tables for LaTeX.
    """

    key: str
    title: str
    sentence: str = ""
    figures: tuple[Drawing, ...] = ()
    tables: tuple[Captioned, ...] = ()
    lines: tuple[str, ...] = ()
    folded_figures: tuple[Drawing, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    commands: tuple[str, ...] = ()
    paper: tuple[Captioned, ...] = ()
    folded: bool = False


Section = Callable[[Context], Iterable[Part]]
