"""CSV that is safe to open in a spreadsheet, and that gives every text back as it was.

A spreadsheet takes a cell that begins with one of `= + - @` for a formula, whatever quotes stand
around it. One apostrophe in front makes it text, as the same does when it is typed into a cell.
Cells that begin with an apostrophe get one too, so that whoever reads takes one away and has the
text. Some spreadsheets cut lines at semicolons or tabs as well: a cell that holds one is quoted.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator

SIGN = "'"
"""In front of text that a spreadsheet would take for something else."""

# White space and controls may be skipped before a formula is looked for.
_TAKEN = re.compile("[=+\\-@'\uff1d\uff0b\uff0d\uff20\\s\x00-\x1f\x7f-\x9f\u200b-\u200f\ufeff]")
_QUOTED = re.compile('[",;\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')


def as_cell(text: str) -> str:
    """`text` for a cell, quoted where it has to be."""
    return quoted(f"{SIGN}{text}" if _TAKEN.match(text) else text)


def from_cell(cell: str) -> str:
    """The text that `as_cell` was given, once the quotes are off."""
    return cell.removeprefix(SIGN)


def quoted(cell: str) -> str:
    """A cell in quotes, if anything in it could end it."""
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def read_rows(text: str) -> Iterator[list[str]]:
    """The cells of every line, quotes off. Raises csv.Error for what is no CSV."""
    yield from csv.reader(io.StringIO(text, newline=""), strict=True)


def written(lines: Iterable[Iterable[str]]) -> str:
    """Cells that are ready, line by line."""
    return "".join(f"{','.join(cells)}\n" for cells in lines)
