"""F1-micro of every method by session and by speaker: dots, or a grid for many methods."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from memr_cli.reporting import words
from memr_cli.reporting.drawing import legend
from memr_cli.reporting.drawing.canvas import COLUMN, SMALL, Drawing, Sheet, shortened, text_width
from memr_cli.reporting.drawing.heat import SHADE, Band, Line, heat
from memr_cli.reporting.drawing.palette import MUTED, PAPER, RULE
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.evaluation import Evaluation, GroupScore

MOST: Mapping[str, int] = {"sessions": 12, "speakers": 32}
"""Of more than these, those with the most utterances are drawn."""


_ROW, _TOP, _TITLE, _FOOT = 0.175, 0.05, 0.22, 0.4


def _figure(group: Group, colours: Mapping[str, str]) -> Drawing:
    """Draw a row for each session and speaker."""
    told = [one for one in group.results if one.by_speaker]
    blocks = [(kind, shown) for kind in MOST if (shown := _most(told, kind))]
    rows = [(title, name) for title, shown in blocks for name in shown]
    if group.is_crowded:
        return _grid(group, told, blocks)
    counts = [words.whole(_count(told, title, name)) for title, name in rows]
    label = min(max(text_width(name, SMALL) for _, name in rows), 1.1) + 0.12
    right = max(text_width(text, SMALL) for text in counts) + 0.12
    broken = legend.lines([one.method for one in told], COLUMN)
    head = _TOP + legend.LINE * len(broken)
    height = sum(_TITLE + _ROW * len(shown) for _, shown in blocks) + 0.04
    sheet = Sheet(COLUMN, head + height + _FOOT, synthetic=group.synthetic)
    legend.draw(sheet, broken, colours, top=_TOP)
    axes = sheet.axes(label, head, COLUMN - label - right, height)
    low, high = _limits(told, rows)
    axes.set(xlim=(low, high), ylim=(height, 0), xlabel="F1-micro (%)")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", steps=[1, 2, 5, 10], integer=True, nbins=6)
    top = 0.0
    for block in blocks:
        _draw_block(sheet, block, (head, top, label), told, colours)
        top += _TITLE + _ROW * len(block[1])
    caption = f"{_caption(group)} The axis need not start at zero."
    return sheet.finish("by-speaker", caption, _alt(group, "Dot plot"))


def _grid(
    group: Group, told: Sequence[Evaluation], blocks: Sequence[tuple[str, list[str]]]
) -> Drawing:
    bands = [
        Band(title, tuple(_line(told, title, name) for name in shown)) for title, shown in blocks
    ]
    methods = [one.method for one in told]
    sheet = heat(bands, methods, end="n", synthetic=group.synthetic)
    caption = f"{_caption(group)} {SHADE}."
    return sheet.finish("by-speaker", caption, _alt(group, "Grid"))


def _line(told: Sequence[Evaluation], kind: str, name: str) -> Line:
    found = (slices(one, kind).get(name) for one in told)
    values = tuple(None if one is None else one.f1_micro for one in found)
    return Line(name, values, words.whole(_count(told, kind, name)))


def _draw_block(
    sheet: Sheet,
    block: tuple[str, list[str]],
    place: tuple[float, float, float],
    told: list[Evaluation],
    colours: Mapping[str, str],
) -> None:
    """One kind of rows. place: where the axes and the block in them start, and room for names."""
    (title, shown), (head, top, label) = block, place
    axes = sheet.figure.axes[0]
    how = {"size": SMALL, "va": "center_baseline"}
    middle = head + top + _TITLE / 2
    # Paper behind the word, which may reach into the grid.
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
    sheet.text(0.04, middle, title, color=MUTED, bbox=paper, **how)
    sheet.text(COLUMN - 0.03, middle, "n", ha="right", color=MUTED, **how)
    for number, name in enumerate(shown):
        middle = top + _TITLE + (number + 0.5) * _ROW
        axes.axhline(middle, color=RULE, lw=0.6, zorder=1)
        _draw_row(axes, (title, name), middle, told, colours)
        sheet.text(0.06, head + middle, shortened(name, label - 0.1, SMALL), **how)
        n = words.whole(_count(told, title, name))
        sheet.text(COLUMN - 0.03, head + middle, n, ha="right", **how)


def names(results: Iterable[Evaluation], kind: str) -> list[str]:
    """All `sessions` or `speakers` that are tested, in order."""
    return sorted({name for one in results for name in slices(one, kind)})


def _most(told: Sequence[Evaluation], kind: str) -> list[str]:
    ranked = sorted(names(told, kind), key=lambda name: -_count(told, kind, name))
    return sorted(ranked[: MOST[kind]])


def slices(result: Evaluation, kind: str) -> Mapping[str, GroupScore]:
    """Those of `sessions` or `speakers`."""
    return (result.by_session if kind == "sessions" else result.by_speaker) or {}


def _count(told: Iterable[Evaluation], kind: str, name: str) -> int:
    """The most utterances that a method scores there."""
    found = (slices(one, kind).get(name) for one in told)
    return max((one.n for one in found if one is not None), default=0)


def _draw_row(
    axes: Axes,
    row: tuple[str, str],
    middle: float,
    told: list[Evaluation],
    colours: Mapping[str, str],
) -> None:
    # A little apart in height, so that methods of the same score are both seen.
    places = middle + 0.045 * np.linspace(-1, 1, len(told)) * (len(told) > 1)
    for place, one in zip(places, told, strict=True):
        found = slices(one, row[0]).get(row[1])
        if found is not None and found.f1_micro is not None:
            colour = colours[one.method]
            axes.plot(
                100 * found.f1_micro, place, "o", ms=4.6, color=colour, mec=PAPER, mew=0.5, zorder=3
            )


def _limits(told: Iterable[Evaluation], rows: Iterable[tuple[str, str]]) -> tuple[float, float]:
    found = [slices(one, kind).get(name) for kind, name in rows for one in told]
    values = [100 * one.f1_micro for one in found if one is not None and one.f1_micro is not None]
    values = values or [0.0, 100.0]
    return max(min(values) - 3, -2.0), min(max(values) + 3, 102.0)


def _caption(group: Group) -> str:
    parts = []
    for kind, most in MOST.items():
        n = len(names(group.results, kind))
        if n > most:
            parts.append(f"the {most} of {n} tested {kind} with the most utterances")
        elif n:
            parts.append(f"every tested {kind[:-1]}")
    return (
        f"F1-micro (%) by method for {words.listed(parts)}. n: utterances. Scores of few "
        "utterances vary by chance."
    )


def _alt(group: Group, plot: str) -> str:
    parts = []
    for kind in MOST:
        for one in group.results:
            found = slices(one, kind).values()
            values = [x.f1_micro for x in found if x.f1_micro is not None]
            if values:
                ends = f"{words.percent(min(values))} to {words.percent(max(values))}"
                parts.append(f"{one.method} {ends} over {len(values)} {kind}")
    return f"{plot} of F1-micro in percent. {'; '.join(parts)}."


def by_speaker(context: Context) -> list[Part]:
    """F1-micro by session and speaker, where results have them."""
    group = context.group
    told = [one for one in group.results if one.by_speaker]
    if not told:
        return []
    title = "Scores by session and speaker" if names(told, "sessions") else "Scores by speaker"
    best = max(told, key=lambda one: one.metrics["f1_micro"].mean or 0.0)
    reach = [text for kind in ("speakers", "sessions") if (text := _reach(best, kind))]
    sentence = (
        f"F1-micro of {best.method}, the highest on average, runs {' and '.join(reach)}."
        if reach
        else "A single speaker is tested."
    )
    figure = _figure(group, context.colours)
    head = ("Who", "n", *(one.method for one in told))
    rows = [
        _who(told, kind, name, prefix)
        for kind, prefix in (("sessions", "session "), ("speakers", ""))
        for name in names(told, kind)
    ]
    caption = "F1-micro in percent, with UAR in brackets. n: utterances of the method with most."
    table = Captioned(Table(head, tuple(rows)), title, caption)
    return [Part("speakers", title, sentence, (figure,), (table,))]


def _reach(result: Evaluation, kind: str) -> str:
    """From the lowest to the highest, each with its n."""
    found = [
        (one.f1_micro, name, one.n)
        for name, one in slices(result, kind).items()
        if one.f1_micro is not None
    ]
    if len(found) < 2:
        return ""
    prefix = "session " if kind == "sessions" else ""
    low, high = (
        f"{words.percent(score)}{words.SPACE}% ({prefix}{name}, n = {words.whole(n)})"
        for score, name, n in (min(found), max(found))
    )
    return f"from {low} to {high} over {len(found)} {kind}"


def _who(told: Sequence[Evaluation], kind: str, name: str, prefix: str) -> tuple[str, ...]:
    found = [slices(one, kind).get(name) for one in told]
    cells = [
        words.ABSENT if one is None else f"{words.percent(one.f1_micro)} ({words.percent(one.uar)})"
        for one in found
    ]
    most = max((one.n for one in found if one is not None), default=0)
    return (f"{prefix}{name}", words.whole(most), *cells)
