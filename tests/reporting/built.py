"""Building a report as the command does: the result as the JSON that it prints."""

import json
from contextlib import nullcontext
from typing import Any
from unittest.mock import patch

import msgspec

from memr_cli.progress import silent
from memr_cli.reporting import report
from memr_cli.reporting.choice import Choice
from memr_cli.reporting.drawing.canvas import Drawing, Sheet
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Studies, load, studies
from memr_cli.reporting.rows import shown as as_shown
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.folder import ResultFolder
from memr_cli.results.report import Row
from memr_cli.results.schema import to_json


def build(*args: Any, **options: Any) -> dict[str, Any]:
    """The object of `memr report`, from the arguments of `report.build`."""
    found: dict[str, Any] = json.loads(
        json.dumps(to_json(report.build(*args, **options)), allow_nan=False)
    )
    return found


def shown(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows of a report's object as a terminal shows them."""
    return as_shown(msgspec.convert(rows, tuple[Row, ...]))


def _undrawn(sheet: Sheet, name: str, caption: str, alt: str) -> Drawing:
    return Drawing(name, caption, alt, sheet.width, "<svg/>", b"", b"")


class Told:
    """The page of one group, with its parts by key; figures have no ink unless `drawn`."""

    def __init__(
        self, one: Group, found: Studies | None = None, *, drawn: bool = False, **options: Any
    ) -> None:
        self.notices: list[str] = []
        arguments = ([one], [found or Studies()], Choice(**options), self.notices.append, silent)
        with nullcontext() if drawn else patch.object(Sheet, "finish", _undrawn):
            (self.page,) = report.pages_of(*arguments)
        self.parts = {part.key: part for part in self.page.parts}
        self.title, self.facts = self.page.title, self.page.facts

    @property
    def results(self) -> Table:
        """The main table."""
        return self.parts["results"].tables[0].table

    @property
    def caption(self) -> str:
        """The caption of the main table."""
        return self.parts["results"].tables[0].caption

    @property
    def per_class(self) -> Captioned:
        """The table of classes."""
        return self.parts["classes"].tables[0]

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that make it again."""
        return self.parts["repeat"].commands

    @property
    def figures(self) -> list[Drawing]:
        """Every figure."""
        return [*self.page.every_figure]


def group_of(folder: ResultFolder) -> Group:
    """The only group in a folder."""
    (one,) = group(load(folder, print))
    return one


def told_of(folder: ResultFolder, **options: Any) -> Told:
    """The page of the only group in a folder, with its studies."""
    one = group_of(folder)
    (found,) = studies(folder, [one], print)
    return Told(one, found, **options)
