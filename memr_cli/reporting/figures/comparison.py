"""The methods side by side: mean F1-micro, its deviation, and every fold."""

from collections.abc import Mapping, Sequence

import numpy as np

from memr_cli.reporting import words
from memr_cli.reporting.evaluated import Evaluated
from memr_cli.reporting.figures.canvas import (
    COLUMN,
    SMALL,
    Drawing,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.figures.palette import MUTED, PAPER
from memr_cli.reporting.groups import Group

_ROW, _HEAD, _FOOT = 0.3, 0.3, 0.4


def comparison(group: Group, colours: Mapping[str, str]) -> Drawing | None:
    """Draw the F1-micro of every method, None where none has a defined one."""
    shown = [result for result in group.results if result.scores["f1_micro"].mean is not None]
    if not shown:
        return None
    name, level = words.majority(group)
    values = [_value(result) for result in shown]
    left = min(max(text_width(result.method) for result in shown), 1.1) + 0.1
    right = max(map(text_width, values)) + 0.12
    height = _ROW * len(shown)
    sheet = Sheet(COLUMN, _HEAD + height + _FOOT, synthetic=group.synthetic)
    axes = sheet.axes(left, _HEAD, COLUMN - left - right, height)
    low, high = _limits(shown, level)
    axes.set(xlim=(low, high), ylim=(len(shown) - 0.5, -0.5), xlabel="F1-micro (%)")
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", steps=[1, 2, 5, 10], integer=True, nbins=6)
    axes.set_yticks(range(len(shown)), [shortened(result.method, left - 0.08) for result in shown])
    axes.axvline(100 * level, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for row, (result, value) in enumerate(zip(shown, values, strict=True)):
        _draw_row(sheet, row, result, colours[result.method])
        sheet.text(
            COLUMN - 0.02, _HEAD + (row + 0.5) * _ROW, value, ha="right", va="center_baseline"
        )
    place = left + (COLUMN - left - right) * (100 * level - low) / (high - low)
    heading = "mean ± std" if len(group.folds) > 1 else "score"
    _draw_head(sheet, f"always {name}: {100 * level:.1f}", place, COLUMN - right, heading)
    return sheet.finish("comparison", _caption(group, name, low), _alt(shown, name, level))


def _draw_row(sheet: Sheet, row: int, result: Evaluated, colour: str) -> None:
    axes = sheet.figure.axes[0]
    score = result.scores["f1_micro"]
    folds = [100 * fold for fold in score.folds if fold is not None]
    mean = 100 * (score.mean or 0.0)
    if len(score.folds) > 1:
        # Spread over the lower half of the row, so that equal folds stay apart.
        places = row + 0.2 + 0.16 * np.linspace(-1, 1, len(folds)) * (len(folds) > 1)
        axes.plot(folds, places, "o", ms=2.6, color=colour, alpha=0.6, mew=0)
        axes.errorbar(
            mean, row - 0.14, xerr=100 * (score.std or 0.0), color=colour, lw=1.6, capsize=0
        )
    axes.plot(mean, row - 0.14, "o", ms=5.5, color=colour, mec=PAPER, mew=0.7, zorder=3)


def _draw_head(sheet: Sheet, label: str, place: float, end: float, heading: str) -> None:
    """The name of the dashed line above its end, moved aside where it would leave the sheet."""
    label = shortened(label, end - 0.1, SMALL)
    half = text_width(label, SMALL) / 2
    centre = min(max(place, half + 0.03), end - half + 0.05)
    sheet.text(centre, 0.22, label, size=SMALL, color=MUTED, ha="center", va="bottom")
    sheet.text(COLUMN - 0.02, 0.22, heading, size=SMALL, color=MUTED, ha="right", va="bottom")


def _limits(shown: Sequence[Evaluated], level: float) -> tuple[float, float]:
    """A range of percentages in steps of five with some air around every mark."""
    marks = [100 * level]
    for result in shown:
        score = result.scores["f1_micro"]
        mean, std = score.mean or 0.0, score.std or 0.0
        marks += [100 * (mean - std), 100 * (mean + std)]
        marks += [100 * fold for fold in score.folds if fold is not None]
    low = 5 * np.floor((min(marks) - 1.5) / 5)
    high = 5 * np.ceil((max(marks) + 1.5) / 5)
    return max(float(low), -1.0), min(float(high), 101.0)


def _value(result: Evaluated) -> str:
    return words.mean_std(result.scores["f1_micro"], digits=1)


def _caption(group: Group, majority: str, low: float) -> str:
    """low: where the axis starts, in percent."""
    line = (
        "The dashed line is the score of always answering the most frequent class of "
        f"{words.test_part(group)}, {majority}."
    )
    if low > 0:
        line += " The axis does not start at zero."
    if len(group.folds) < 2:
        return f"F1-micro by method, on the one test part. {line}"
    return (
        f"F1-micro by method: mean (large dot) and standard deviation (bar) over "
        f"{len(group.folds)} folds, and the single folds (small dots). {line}"
    )


def _alt(shown: Sequence[Evaluated], majority: str, level: float) -> str:
    scores = "; ".join(f"{result.method} {_value(result)} %" for result in shown)
    return f"Dot plot of F1-micro. {scores}. Always {majority}: {100 * level:.1f} %."
