"""Scores in a grid of shaded cells, each with its number: for more methods than colours can tell.

Letters: R rows of a block, M columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import (
    COLUMN,
    PAGE,
    SMALL,
    TINY,
    Number,
    Rectangle,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.drawing.palette import INK, MUTED, cell

SHADE = "Shade: from the lowest score shown (faint) to the highest (strong)"
"""For a caption."""

_ROW, _TITLE, _SPACE, _TOP, _FOOT = 0.175, 0.2, 0.06, 0.06, 0.08
_WIDEST_CELL, _NARROWEST_CELL, _WIDEST_LABEL = 0.6, 0.3, 1.15


@dataclass(frozen=True)
class Line:
    """One row: its name, a score for each of M columns as a fraction, and a text at its end."""

    label: str
    values: tuple[float | None, ...]
    end: str = ""


@dataclass(frozen=True)
class Band:
    """R rows under a title, which may be empty."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class _Grid:
    """Places in inches. head: room for the names of columns, `upright` where they are too wide."""

    width: float
    label: float
    cell: float
    head: float
    upright: bool
    end: float


def heat(bands: Sequence[Band], columns: Sequence[str], *, end: str, synthetic: bool) -> Sheet:
    """Draw bands below each other under the names of M columns. end: heads the texts at the end."""
    lines = [line for band in bands for line in band.lines]
    values = [value for line in lines for value in line.values if value is not None] or [0.0]
    low, high = min(values), max(values)
    grid = _grid(lines, columns, end)
    height = sum(_TITLE * bool(band.title) + _ROW * len(band.lines) + _SPACE for band in bands)
    sheet = Sheet(grid.width, grid.head + height + _FOOT, synthetic=synthetic)
    _name_columns(sheet, grid, columns, end)
    cells: list[Rectangle] = []
    numbers: list[Number] = []
    top = grid.head
    for band in bands:
        if band.title:
            middle = top + _TITLE / 2
            sheet.text(0.04, middle, band.title, size=SMALL, color=MUTED, va="center_baseline")
            top += _TITLE
        for line in band.lines:
            _draw_line(sheet, grid, line, top + _ROW / 2)
            for left, value in _places(grid, line):
                fill, ink = cell((value - low) / (high - low or 1.0))
                cells.append(Rectangle(left, top + _ROW / 2, fill))
                numbers.append(Number(words.percent(value, 0), left, top + _ROW / 2, TINY, ink))
            top += _ROW
        top += _SPACE
    sheet.rectangles((grid.cell - 0.01, _ROW - 0.01), cells)
    sheet.numbers(numbers)
    return sheet


def _draw_line(sheet: Sheet, grid: _Grid, line: Line, middle: float) -> None:
    how = {"size": SMALL, "va": "center_baseline"}
    sheet.text(0.06, middle, shortened(line.label, grid.label - 0.1, SMALL), **how)
    sheet.text(grid.width - 0.04, middle, line.end, ha="right", **how)
    for column, value in enumerate(line.values):
        if value is None:
            left = grid.label + (column + 0.5) * grid.cell
            sheet.text(left, middle, words.ABSENT, ha="center", color=MUTED, **how)


def _places(grid: _Grid, line: Line) -> Iterator[tuple[float, float]]:
    """Where the middle of each cell with a value is, from the left, and the value."""
    for column, value in enumerate(line.values):
        if value is not None:
            yield grid.label + (column + 0.5) * grid.cell, value


def _grid(lines: Sequence[Line], columns: Sequence[str], end: str) -> _Grid:
    label = min(max(text_width(line.label, SMALL) for line in lines), _WIDEST_LABEL) + 0.14
    texts = [end, *(line.end for line in lines)]
    right = max(text_width(text, SMALL) for text in texts) + 0.12 if any(texts) else 0.06
    fits = (COLUMN - label - right) / len(columns) >= _NARROWEST_CELL
    width = COLUMN if fits else PAGE
    size = min((width - label - right) / len(columns), _WIDEST_CELL)
    widest = min(max(text_width(name, SMALL) for name in columns), _WIDEST_LABEL)
    upright = widest > size - 0.06
    head = _TOP + (widest if upright else 0.14) + 0.05
    return _Grid(
        max(label + size * len(columns) + right, COLUMN), label, size, head, upright, right
    )


def _name_columns(sheet: Sheet, grid: _Grid, columns: Sequence[str], end: str) -> None:
    rotation = 90 if grid.upright else 0
    for column, name in enumerate(columns):
        text = shortened(name, _WIDEST_LABEL, SMALL)
        left = grid.label + (column + 0.5) * grid.cell
        how = {"size": SMALL, "rotation": rotation, "ha": "center", "va": "bottom", "color": INK}
        sheet.text(left, grid.head - 0.05, text, **how)
    how = {"size": SMALL, "ha": "right", "va": "bottom", "color": MUTED}
    sheet.text(grid.width - 0.04, grid.head - 0.05, end, **how)
