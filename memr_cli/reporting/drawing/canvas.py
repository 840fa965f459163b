"""A sheet of paper to draw on in inches, and what it becomes: SVG and PNG.

Places are measured, not left to a layout engine: labels of any length fit because their widths are
known before the axes are placed. matplotlib is imported with this module, so import it only to
draw.
"""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath, text_to_path
from matplotlib.transforms import Affine2D

from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER, RULE, WARNING

COLUMN = 3.5
PAGE = 7.16
"""Widths in inches of one and two columns of a paper."""
TALLEST = 9.0
SIZE, SMALL, TINY = 8.0, 7.0, 6.0
"""Type sizes in points."""

_MARK_HEIGHT = 0.17
_DPI, _MOST_PIXELS = 300, 20_000
_MOST_SIGNS = 400
"""Of a text, no more fits on any sheet."""
_FAST = {"compress_level": 4}  # half the time of the default, a few percent larger
# For most text, for scripts it lacks (this one comes with matplotlib), and for Chinese characters.
_FONTS = (
    ("Arial", "Helvetica", "Liberation Sans", "Nimbus Sans"),
    ("DejaVu Sans",),
    (
        *("Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Hiragino Sans"),
        *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "WenQuanYi Zen Hei"),
    ),
)
_STYLE: dict[Any, Any] = {
    "font.size": SIZE,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a class name is a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": SIZE,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": SIZE,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "savefig.dpi": _DPI,
    "svg.fonttype": "path",  # looks the same wherever it is opened
    "svg.hashsalt": "memr",
    "pdf.fonttype": 42,  # text that can be searched and edited
}


@dataclass(frozen=True)
class Drawing:
    """A finished figure: `width` in inches, `alt` for people who cannot see it."""

    name: str
    caption: str
    alt: str
    width: float
    svg: str
    png: bytes
    pdf: bytes


@contextmanager
def style() -> Iterator[None]:
    """Draw with the report's settings, whatever the person's own matplotlib is set to."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        mpl.rcParams["font.family"] = _families()
        yield


class Rectangle(NamedTuple):
    """Where the middle of a rectangle is, in inches from the upper left corner, and its fill."""

    left: float
    top: float
    colour: str


class Number(NamedTuple):
    """A number to write, and where its middle is: inches from the upper left corner."""

    text: str
    left: float
    top: float
    size: float
    colour: str


class Sheet:
    """A figure of a given size with axes placed in inches from its upper left corner."""

    def __init__(self, width: float, height: float, *, synthetic: bool) -> None:
        self.width, self.height = width, height + (_MARK_HEIGHT if synthetic else 0)
        self.figure = Figure(figsize=(self.width, self.height), facecolor=PAPER)
        FigureCanvasAgg(self.figure)
        if synthetic:
            self.text(
                width - 0.04,
                self.height - 0.035,
                "synthetic corpus",
                size=TINY,
                color=WARNING,
                ha="right",
                va="bottom",
                style="italic",
            )

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose inner area starts `left` and `top` inches from the upper left corner."""
        bottom = self.height - top - height
        return self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )

    def text(self, left: float, top: float, text: str, **how: Any) -> None:
        """Write at a place in inches from the upper left corner."""
        self.figure.text(left / self.width, 1 - top / self.height, text, **how)

    def mark(self, left: float, top: float, marker: str, colour: str) -> None:
        """Set one of matplotlib's markers at a place in inches from the upper left corner."""
        line = Line2D(
            [left / self.width],
            [1 - top / self.height],
            marker=marker,
            color=colour,
            markersize=4.8,
            markeredgewidth=0,
            transform=self.figure.transFigure,
        )
        self.figure.add_artist(line)

    def rectangles(self, size: tuple[float, float], rectangles: Iterable[Rectangle]) -> None:
        """Fill rectangles of one size (width, height)."""
        placed = list(rectangles)
        right, up = size[0] / 2, size[1] / 2
        # One outline set down many times: an SVG then holds it once.
        outline = [(-right, -up), (right, -up), (right, up), (-right, up)]
        filled = PolyCollection(
            [outline],
            offsets=[(one.left, self.height - one.top) for one in placed],
            offset_transform=self.figure.dpi_scale_trans,
            facecolors=[one.colour for one in placed],
            linewidths=0,
        )
        filled.set_transform(self.figure.dpi_scale_trans)
        self.figure.add_artist(filled)

    def numbers(self, numbers: Iterable[Number]) -> None:
        """Write many numbers, each around its middle.

        Digit by digit rather than number by number: a sheet of matrices holds a thousand numbers
        of ten digits, and laying out every one as text takes ten times as long.
        """
        places: dict[tuple[str, float, str], list[tuple[float, float]]] = {}
        for number in numbers:
            left = number.left - sum(text_width(sign, number.size) for sign in number.text) / 2
            height = 0.358 * number.size / 72  # half of a digit's height in these fonts
            for sign in number.text:
                place = (left, self.height - number.top - height)
                places.setdefault((sign, number.size, number.colour), []).append(place)
                left += text_width(sign, number.size)
        inches = self.figure.dpi_scale_trans
        for (sign, size, colour), offsets in places.items():
            outline = TextPath((0, 0), sign, size, prop=FontProperties(family=list(_families())))
            glyphs = PathCollection(
                [outline], offsets=offsets, offset_transform=inches, facecolors=colour, linewidths=0
            )
            glyphs.set_transform(Affine2D().scale(1 / 72) + inches)
            self.figure.add_artist(glyphs)

    def finish(self, name: str, caption: str, alt: str) -> Drawing:
        """Render to SVG, PNG and PDF; the same drawing gives the same bytes."""
        svg, png, pdf = io.BytesIO(), io.BytesIO(), io.BytesIO()
        nobody = {"Date": None, "Creator": None, "Format": None, "Type": None}
        self.figure.savefig(svg, format="svg", metadata={**nobody, "Title": caption})
        dpi = min(_DPI, _MOST_PIXELS / self.height)
        how: Any = {"metadata": {"Software": None}, "pil_kwargs": _FAST, "dpi": dpi}
        self.figure.savefig(png, format="png", **how)
        unsigned = dict.fromkeys(("Creator", "Producer", "CreationDate"))
        self.figure.savefig(pdf, format="pdf", metadata=unsigned)
        text = svg.getvalue().decode()
        return Drawing(name, caption, alt, self.width, text, png.getvalue(), pdf.getvalue())


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """How wide `text` is, in inches."""
    font = FontProperties(family=list(_families()), size=size, weight=weight)
    shown = text[:_MOST_SIGNS]
    width, _, _ = text_to_path.get_text_width_height_descent(shown, font, ismath=False)
    return float(width) / 72


def shortened(text: str, room: float, size: float = SIZE) -> str:
    """`text` on one line; where it is wider than `room` inches an ellipsis replaces its middle."""
    text = " ".join(text.split())
    if len(text) > _MOST_SIGNS:
        text = f"{text[: _MOST_SIGNS // 2]}…{text[-_MOST_SIGNS // 4 :]}"
    if text_width(text, size) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = text[: kept - kept // 3].rstrip()
        cut = f"{head}…{text[len(text) - kept // 3 :].lstrip()}"
        if text_width(cut, size) <= room:
            return cut
    return text[:1] + "…"


@lru_cache(maxsize=1)
def _families() -> tuple[str, ...]:
    """Of each choice the first installed one: matplotlib warns about others at every label."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    chosen = (next((name for name in names if name in installed), None) for names in _FONTS)
    return tuple(name for name in chosen if name is not None)
