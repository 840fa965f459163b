"""Colours that tell methods apart also without red-green vision, on paper and on a dark screen.

The hues follow Okabe and Ito (2008), a little darker where theirs are too faint for thin marks.
Every colour has a counterpart for a dark page, so that a drawing is turned dark by replacing them.
"""

import re
from collections.abc import Iterable, Mapping

INK = "#1f2328"
MUTED = "#5d6570"
RULE = "#d9dde3"
PAPER = "#ffffff"
WARNING = "#a8420a"
CELL_INK = "#0c0e12"
CELL_INK_ON_DARK = "#fdfdfe"

# Single modalities are cool, fusion is warm.
_METHODS = {
    "visual": "#3897cf",
    "acoustic": "#00976d",
    "lexical": "#0a5fa5",
    "early": "#d0530c",
    "late": "#c98a00",
}
_OTHERS = (
    *("#b7598e", "#5b6068", "#7d63b8", "#8a6d1f", "#359a8f", "#86254f", "#8f9a2e"),
    *("#2e7d3a", "#c24a4a", "#4650a8", "#7a5c46", "#0f7f92"),
)
_STEPS = 32
_SWITCH = 0.70  # where the ink on dark cells becomes the easier one to read
_FAINT, _STRONG = (246, 248, 251), (10, 71, 130)
_FAINT_DARK, _STRONG_DARK = (28, 33, 41), (98, 160, 224)


def _between(start: tuple[int, ...], end: tuple[int, ...], share: float) -> str:
    channels = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


_RAMP = [_between(_FAINT, _STRONG, step / _STEPS) for step in range(_STEPS + 1)]
_RAMP_DARK = [_between(_FAINT_DARK, _STRONG_DARK, step / _STEPS) for step in range(_STEPS + 1)]

DARK: Mapping[str, str] = {
    INK: "#e7e9ec",
    MUTED: "#a5acb7",
    RULE: "#363c46",
    PAPER: "#14171c",
    WARNING: "#ff9d66",
    CELL_INK: "#f7f8fa",
    CELL_INK_ON_DARK: "#06080b",
    "#3897cf": "#8fd3f8",
    "#00976d": "#2dc596",
    "#0a5fa5": "#4d98e6",
    "#d0530c": "#ff7f3f",
    "#c98a00": "#f5c04a",
    "#b7598e": "#e293bf",
    "#5b6068": "#b3b9c2",
    "#7d63b8": "#b39df0",
    "#8a6d1f": "#c9a94f",
    "#359a8f": "#7fdbd0",
    "#86254f": "#d0648f",
    "#8f9a2e": "#cbd65f",
    "#2e7d3a": "#6cc97a",
    "#c24a4a": "#f58d87",
    "#4650a8": "#97a1f2",
    "#7a5c46": "#c4a18a",
    "#0f7f92": "#5ecbe0",
    **dict(zip(_RAMP, _RAMP_DARK, strict=True)),
}
"""For every colour of a drawing its counterpart on a dark page."""


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """One colour for each method, the same for the five in every report.

    Others take theirs by name. Past twelve of them colours repeat, so a figure must not rely on
    colour alone.
    """
    others = sorted(set(methods) - set(_METHODS))
    given = {name: _OTHERS[i % len(_OTHERS)] for i, name in enumerate(others)}
    return {**_METHODS, **given}


def cell(share: float) -> tuple[str, str]:
    """Fill and ink of a cell that holds `share` (0 to 1) of its row."""
    step = round(min(max(share, 0.0), 1.0) * _STEPS)
    return _RAMP[step], CELL_INK if step < _SWITCH * _STEPS else CELL_INK_ON_DARK


def dark(svg: str) -> str:
    """The drawing with every colour replaced by its counterpart on a dark page."""
    return re.sub(r"#[0-9a-fA-F]{6}\b", lambda found: DARK.get(found[0].lower(), found[0]), svg)
