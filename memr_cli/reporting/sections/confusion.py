"""Confusion matrices in a grid: by method, and of one method by fold.

Letters: K folds, C classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import (
    COLUMN,
    PAGE,
    SIZE,
    SMALL,
    TALLEST,
    TINY,
    Drawing,
    Number,
    Rectangle,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.drawing.palette import MUTED, cell
from memr_cli.reporting.groups import Group, slug
from memr_cli.reporting.section import Context, Part
from memr_cli.results.evaluation import Evaluation

MOST_FOLDS = 24
"""With more folds than this no figure by fold is drawn: its cells would be specks."""


# Cells from these sizes (inches) on hold a share and a count, or a share alone, or stand in rows
# that are high enough for a number beside them.
_FOR_TWO_LINES, _FOR_ONE, _FOR_TOTALS = 0.33, 0.17, 0.1


_WIDEST_CELL, _WIDEST_LABEL = 0.52, 0.95


_TITLE, _BELOW, _AXIS_NAME = 0.24, 0.1, 0.2


@dataclass(frozen=True)
class _Panel:
    """One matrix: counts (C, C), true by predicted."""

    title: str
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class _Grid:
    """`n` panels in `columns`, each `side` inches square.

    `label` and `foot` hold class names, below the columns `upright` where they are too wide to lie.
    """

    n: int
    columns: int
    cell: float
    side: float
    gap: float
    label: float
    upright: bool
    foot: float

    @property
    def pitch(self) -> float:
        """From the top of one row to that of the next."""
        return self.side + _TITLE + _BELOW

    @property
    def height(self) -> float:
        """Of the whole sheet."""
        return -(-self.n // self.columns) * self.pitch - _BELOW + self.foot

    @property
    def width(self) -> float:
        """Of the whole sheet."""
        columns = min(self.columns, self.n)
        inner = columns * (self.side + self.gap)
        return max(_AXIS_NAME + self.label + inner, COLUMN)

    @property
    def has_totals(self) -> bool:
        """Whether the size of each class stands beside its row, as the cells hold no counts."""
        return _FOR_TOTALS <= self.cell < _FOR_TWO_LINES

    def place(self, number: int) -> tuple[float, float]:
        """Left and top of the matrix of a panel."""
        row, column = divmod(number, self.columns)
        left = _AXIS_NAME + self.label + column * (self.side + self.gap)
        return left, _TITLE + row * self.pitch


def _by_method(group: Group) -> list[Drawing]:
    """The matrices of all methods, on one sheet or as many as they need to be readable."""
    panels = [_Panel(result.method, result.counts) for result in group.results]
    sheets = list(_sheets(panels, group.class_names, smallest=_FOR_ONE))
    drawings = []
    for number, (part, grid) in enumerate(sheets, start=1):
        several = len(sheets) > 1
        which = f", part {number} of {len(sheets)}" if several else ""
        caption = f"Confusion by method{which}. {_reading(grid, group)}"
        sheet = _draw(part, grid, group)
        name = f"confusion-{number}" if several else "confusion"
        drawings.append(sheet.finish(name, caption, _alt(part, group)))
    return drawings


def _of_folds(group: Group, result: Evaluation) -> Drawing | None:
    """The matrices of one method fold by fold; None with one fold or more than MOST_FOLDS."""
    if not 1 < len(result.protocol.folds) <= MOST_FOLDS:
        return None
    panels = [
        _Panel(f"fold {number}: {', '.join(fold.test)}", counts)
        for number, (fold, counts) in enumerate(
            zip(result.protocol.folds, result.fold_counts, strict=True)
        )
    ]
    part, grid = next(_sheets(panels, group.class_names, smallest=0.0))
    chosen = " (the highest mean F1-micro)" if group.is_crowded else ""
    caption = f"Confusion of {result.method}{chosen} by fold. {_reading(grid, group)}"
    sheet = _draw(part, grid, group)
    name = f"confusion-{slug(result.method)}-folds"
    return sheet.finish(name, caption, _alt(part, group))


def _sheets(
    panels: Sequence[_Panel], names: Sequence[str], smallest: float
) -> Iterator[tuple[Sequence[_Panel], _Grid]]:
    """Cut panels into sheets no taller than TALLEST, with cells of at least `smallest` inches.

    Three columns where their cells hold two numbers, else two; more where the sheet is too tall.
    """
    grids = [_grid(len(panels), columns, names) for columns in range(2, 9)]
    if grids[1].cell >= _FOR_TWO_LINES:
        del grids[0]
    grids = [grid for grid in grids if grid.cell >= smallest] or grids[:1]
    grid = next((grid for grid in grids if grid.height <= TALLEST), grids[-1])
    rows = max(int((TALLEST - grid.foot + _BELOW) / grid.pitch), 1)
    needed = -(-len(panels) // (rows * grid.columns))
    each = -(-len(panels) // needed)
    for first in range(0, len(panels), each):
        part = panels[first : first + each]
        yield part, _grid(len(part), grid.columns, names)


def _grid(n: int, columns: int, names: Sequence[str]) -> _Grid:
    widest = min(max(text_width(name, SMALL) for name in names), _WIDEST_LABEL)
    label = widest + 0.08
    room = (PAGE - _AXIS_NAME - label) / columns
    gap = 0.2
    size = min((room - gap) / len(names), _WIDEST_CELL)
    if size < _FOR_TWO_LINES:
        gap = 0.36  # the size of each class needs its place
        size = (room - gap) / len(names)
    upright = widest > size - 0.06
    foot = 0.06 + (widest if upright else 0.12) + _AXIS_NAME
    return _Grid(n, columns, size, size * len(names), gap, label, upright, foot)


def _draw(panels: Sequence[_Panel], grid: _Grid, group: Group) -> Sheet:
    # Without axes: placing a dozen of them takes longer than drawing what they hold.
    sheet = Sheet(grid.width, grid.height, synthetic=group.synthetic)
    cells: list[Rectangle] = []
    numbers: list[Number] = []
    for number, panel in enumerate(panels):
        left, top = place = grid.place(number)
        shares = panel.counts / np.maximum(panel.counts.sum(axis=1), 1)[:, None]
        cells += _cells(shares, place, grid)
        numbers += _numbers(panel.counts, shares, place, grid)
        title = shortened(panel.title, grid.side + grid.gap - 0.08)
        sheet.text(left, top - 0.05, title, va="bottom")
        if number % grid.columns == 0:
            _name_rows(sheet, grid, group.class_names, place)
        if number + grid.columns >= len(panels):
            _name_columns(sheet, grid, group.class_names, place)
    sheet.rectangles((grid.cell - 0.01, grid.cell - 0.01), cells)
    sheet.numbers(numbers)
    across = min(grid.columns, grid.n) * (grid.side + grid.gap) - grid.gap
    middle = _AXIS_NAME + grid.label + across / 2, (_TITLE + grid.height - grid.foot) / 2
    sheet.text(0.03, middle[1], "true class", rotation=90, ha="left", va="center")
    sheet.text(middle[0], grid.height - 0.05, "predicted class", ha="center", va="bottom")
    return sheet


def _cells(
    shares: NDArray[np.float64], place: tuple[float, float], grid: _Grid
) -> Iterator[Rectangle]:
    left, top = place
    for (i, j), share in np.ndenumerate(shares):
        x, y = left + (j + 0.5) * grid.cell, top + (i + 0.5) * grid.cell
        yield Rectangle(x, y, cell(share)[0])


def _numbers(
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    place: tuple[float, float],
    grid: _Grid,
) -> Iterator[Number]:
    """The share of every cell in percent, the count below it or the class's size beside its row."""
    left, top = place
    for (i, j), share in np.ndenumerate(shares):
        x, y, ink = left + (j + 0.5) * grid.cell, top + (i + 0.5) * grid.cell, cell(share)[1]
        if grid.cell >= _FOR_TWO_LINES:
            yield Number(words.percent(share, 0), x, y - 0.06, SIZE, ink)
            yield Number(words.whole(int(counts[i, j])), x, y + 0.08, TINY, ink)
        elif grid.cell >= _FOR_ONE:
            yield Number(words.percent(share, 0), x, y, TINY, ink)
    if grid.has_totals:
        for i, total in enumerate(counts.sum(axis=1).tolist()):
            x = left + grid.side + 0.06 + text_width(words.whole(total), TINY) / 2
            yield Number(words.whole(total), x, top + (i + 0.5) * grid.cell, TINY, MUTED)


def _name_rows(sheet: Sheet, grid: _Grid, names: Sequence[str], place: tuple[float, float]) -> None:
    left, top = place
    for row, name in enumerate(names):
        text, y = shortened(name, grid.label - 0.07, SMALL), top + (row + 0.5) * grid.cell
        sheet.text(left - 0.05, y, text, size=SMALL, ha="right", va="center_baseline")


def _name_columns(
    sheet: Sheet, grid: _Grid, names: Sequence[str], place: tuple[float, float]
) -> None:
    left, top = place
    labels = [shortened(name, grid.label - 0.07, SMALL) for name in names]
    rotation = 90 if grid.upright else 0
    for column, label in enumerate(labels):
        x, y = left + (column + 0.5) * grid.cell, top + grid.side + 0.05
        sheet.text(x, y, label, size=SMALL, rotation=rotation, ha="center", va="top")


def _reading(grid: _Grid, group: Group) -> str:
    """How to read a cell."""
    shade = "Shade and number: percent of the true class"
    if grid.cell < _FOR_ONE:
        shade = "Shade: share of the true class, from none (faint) to all (strong)"
    elif grid.cell >= _FOR_TWO_LINES:
        shade += "; below it the count"
    counts = "; beside each row its utterances" if grid.has_totals else ""
    seeds = words.counted_by_seed(group)
    return f"{shade}{counts}{f', {seeds}' if seeds else ''}."


def _alt(panels: Sequence[_Panel], group: Group) -> str:
    """The diagonal of every matrix: the recall of every class."""
    parts = []
    for panel in panels:
        totals = np.maximum(panel.counts.sum(axis=1), 1)
        recalls = np.diagonal(panel.counts) / totals
        named = zip(group.class_names, recalls.tolist(), strict=True)
        parts.append(
            f"{panel.title}: " + ", ".join(f"{name} {words.percent(r, 0)}" for name, r in named)
        )
    return "Confusion matrices. Recall of each class in percent: " + "; ".join(parts) + "."


def _by_fold(group: Group) -> Sequence[Evaluation]:
    """Whose folds are looked at one by one: where methods are many, the one that scores highest."""
    if not group.is_crowded:
        return group.results
    return [max(group.results, key=lambda one: one.metrics["f1_micro"].mean or 0.0)]


def confusion(context: Context) -> list[Part]:
    """The matrix of every method, and those of the single folds on request."""
    group = context.group
    by_fold = (_of_folds(group, result) for result in _by_fold(group))
    sentence = "Decisions by true and predicted class, over all test utterances."
    folded = tuple(one for one in by_fold if one is not None)
    figures = tuple(_by_method(group))
    return [Part("confusion", "Confusion", sentence, figures, folded_figures=folded)]
