"""A legend in lines of their own above the axes, in the order of what it names."""

from collections.abc import Mapping, Sequence

from memr_cli.reporting.drawing.canvas import SMALL, Rectangle, Sheet, shortened, text_width

LINE = 0.17
"""Height of one line in inches."""
_SWATCH = 0.2


def lines(names: Sequence[str], width: float) -> list[list[str]]:
    """The names broken into lines that fit a sheet of this width."""
    broken: list[list[str]] = [[]]
    used = 0.0
    for name in names:
        room = _SWATCH + text_width(shortened(name, width - 0.5, SMALL), SMALL) + 0.14
        if broken[-1] and used + room > width - 0.1:
            broken.append([])
            used = 0.0
        broken[-1].append(name)
        used += room
    return broken


def draw(
    sheet: Sheet,
    broken: Sequence[Sequence[str]],
    colours: Mapping[str, str],
    *,
    top: float,
    markers: Mapping[str, str] | None = None,
) -> None:
    """Set the lines from `top` inches down, each name beside a swatch of its colour or its mark."""
    for number, line in enumerate(broken):
        left, middle = 0.06, top + (number + 0.5) * LINE
        for name in line:
            if markers is None:
                sheet.rectangles((0.13, 0.09), [Rectangle(left + 0.065, middle, colours[name])])
            else:
                sheet.mark(left + 0.1, middle, markers[name], colours[name])
            text = shortened(name, sheet.width - 0.5, SMALL)
            sheet.text(left + _SWATCH, middle, text, size=SMALL, va="center_baseline")
            left += _SWATCH + text_width(text, SMALL) + 0.14
