"""CSV that is safe to open in a spreadsheet, and that gives every text back as it was.

A spreadsheet takes a cell that begins with one of `= + - @` for a formula, whatever quotes stand
around it. One apostrophe in front makes it text, as the same does when it is typed into a cell.
Cells that begin with an apostrophe get one too, so that whoever reads takes one away and has the
text. Some spreadsheets cut lines at semicolons or tabs, and then heed no quotes in the middle of a
cell: one that holds such a sign, or a line end, is quoted, and what follows the sign is treated as
if it began a cell.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator

SIGN = "'"
"""In front of text that a spreadsheet would take for something else."""

# White space and controls may be skipped before a formula is looked for.
_TAKEN = re.compile("[=+\\-@'\uff1d\uff0b\uff0d\uff20\\s\x00-\x1f\x7f-\x9f\u200b-\u200f\ufeff]")
# After a sign that may cut a line, a quote too: it would be taken off there.
_BEGUN = re.compile(f'([;\t\r\n])(?=[^;\t\r\n])(?={_TAKEN.pattern}|")')
_SIGNED = re.compile(f"([;\t\r\n]){SIGN}")
_QUOTED = re.compile('[",;\t\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]')


def as_cell(text: str) -> str:
    """`text` for a cell, quoted where it has to be."""
    return quoted(_BEGUN.sub(rf"\1{SIGN}", f"{SIGN}{text}" if _TAKEN.match(text) else text))


def from_cell(cell: str) -> str:
    """The text that `as_cell` was given, once the quotes are off."""
    return _SIGNED.sub(r"\1", cell.removeprefix(SIGN))


def quoted(cell: str) -> str:
    """A cell in quotes, if anything in it could end it."""
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell


def read_rows(text: str) -> Iterator[list[str]]:
    """The cells of every line, quotes off. Raises csv.Error for what is no CSV."""
    yield from csv.reader(io.StringIO(text, newline=""), strict=True)


def written(lines: Iterable[Iterable[str]]) -> str:
    """Cells that are ready, line by line."""
    return "".join(f"{','.join(cells)}\n" for cells in lines)
