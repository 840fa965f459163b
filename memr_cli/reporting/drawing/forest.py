"""Values with their intervals in rows, in blocks with a title each, around a line at zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from matplotlib.axes import Axes

from memr_cli.reporting.drawing.canvas import (
    COLUMN,
    SIZE,
    SMALL,
    TALLEST,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER
from memr_cli.results.schema import Interval

_ROW, _TITLE, _SPACE = 0.155, 0.18, 0.09
_TOP, _HEAD, _FOOT = 0.04, 0.2, 0.4
_WIDEST_LABEL = 1.25


@dataclass(frozen=True)
class Row:
    """A value in points with its interval, as text too, and `marks` that follow it.

    A mark is filled where it is `sure`, else an outline. `stem` joins it to zero by a bar; a line
    joins it to `base`, another value, where there is one. `beside` is a third, without a line.
    """

    label: str
    text: str
    value: float | None
    interval: Interval | None = None
    colour: str = INK
    sure: bool = True
    stem: bool = False
    marks: str = ""
    beside: float | None = None
    base: float | None = None


@dataclass(frozen=True)
class Block:
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]

    @property
    def height(self) -> float:
        """In inches, with the space that follows."""
        return _TITLE + _ROW * len(self.rows) + _SPACE


class _Tall(Protocol):
    @property
    def height(self) -> float:
        """In inches."""
        ...


_B = TypeVar("_B", bound=_Tall)


def sheets(blocks: Sequence[_B]) -> list[list[_B]]:
    """Blocks cut into as many sheets as they need, none taller than TALLEST, of like length."""
    room = TALLEST - _TOP - _HEAD - _FOOT
    needed = -(-sum(block.height for block in blocks) // room)
    share = sum(block.height for block in blocks) / needed
    parts: list[list[_B]] = [[]]
    used = 0.0
    for block in blocks:
        if parts[-1] and (used + block.height > room or used >= share):
            parts.append([])
            used = 0.0
        parts[-1].append(block)
        used += block.height
    return parts


def forest(blocks: Sequence[Block], *, axis: str, heading: str, synthetic: bool) -> Sheet:
    """Draw blocks below each other; `axis` names the values, `heading` the column of text."""
    rows = [row for block in blocks for row in block.rows]
    label = min(max(text_width(row.label, SMALL) for row in rows), _WIDEST_LABEL) + 0.16
    marks = max(text_width(row.marks, SMALL) for row in rows) + 0.03
    text = max(text_width(line, SMALL) for line in (heading, *(row.text for row in rows))) + marks
    text += 0.08
    height = sum(block.height for block in blocks)
    sheet = Sheet(COLUMN, _TOP + _HEAD + height + _FOOT, synthetic=synthetic)
    axes = sheet.axes(label, _TOP + _HEAD, COLUMN - label - text, height)
    axes.set(xlim=limits(rows), ylim=(height, 0), xlabel=axis)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=6, steps=[1, 2, 2.5, 5, 10])
    if all(row.base is None for row in rows):
        axes.axvline(0, color=MUTED, lw=0.9, zorder=1.5)
    sheet.text(COLUMN - marks, _TOP + 0.13, heading, size=SMALL, color=MUTED, ha="right")
    top = 0.0
    for block in blocks:
        _title(sheet, block.title, _TOP + _HEAD + top + _TITLE / 2)
        for number, row in enumerate(block.rows):
            middle = top + _TITLE + (number + 0.5) * _ROW
            _mark(axes, row, middle)
            name = shortened(row.label, label - 0.14, SMALL)
            place = _TOP + _HEAD + middle
            sheet.text(0.12, place, name, size=SMALL, color=MUTED, va="center_baseline")
            right = {"ha": "right", "va": "center_baseline"}
            sheet.text(COLUMN - marks, place, row.text, size=SMALL, **right)
            sheet.text(COLUMN - marks, place, row.marks, size=SMALL, va="center_baseline")
        top += block.height
    return sheet


def _title(sheet: Sheet, title: str, middle: float) -> None:
    text = shortened(title, COLUMN - 0.1, SIZE)
    # Paper behind the words, which may cross the grid.
    how = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
    sheet.text(0.04, middle, text, va="center_baseline", bbox=how)


def _mark(axes: Axes, row: Row, middle: float) -> None:
    if row.value is None:
        return
    if row.stem:
        axes.plot([0, row.value], [middle] * 2, color=row.colour, lw=7, solid_capstyle="butt")
    if row.interval is not None:
        if row.stem:  # a rim keeps the line apart from the bar beneath it
            axes.plot(row.interval, [middle] * 2, color=PAPER, lw=2.4, solid_capstyle="butt")
        line = INK if row.stem else row.colour
        axes.plot(row.interval, [middle] * 2, color=line, lw=1.2, solid_capstyle="butt")
    if row.base is not None:
        axes.plot([row.base, row.value], [middle] * 2, color=row.colour, lw=1.6)
        axes.plot(row.base, middle, "o", ms=4.2, color=PAPER, mec=row.colour, mew=0.9, zorder=3)
    if row.beside is not None:
        axes.plot(row.beside, middle, "D", ms=3.8, color=PAPER, mec=INK, mew=0.8, zorder=5)
    if row.stem:
        return
    fill = row.colour if row.sure else PAPER
    axes.plot(row.value, middle, "o", ms=4.2, color=fill, mec=row.colour, mew=0.9, zorder=4)


def limits(rows: Sequence[Row]) -> tuple[float, float]:
    """A range that holds zero and every mark, with some air."""
    ends = [0.0]
    for row in rows:
        ends += [value for value in (row.value, row.beside, row.base) if value is not None]
        ends += row.interval or ()
    span = max(max(ends) - min(ends), 1.0)
    return min(ends) - 0.04 * span, max(ends) + 0.04 * span
