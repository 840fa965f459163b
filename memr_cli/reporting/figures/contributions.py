"""What each modality contributes: what fusion gains over it, and its share of the scores alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memr_cli.reporting import words
from memr_cli.reporting.evaluated import Evaluated
from memr_cli.reporting.figures.canvas import COLUMN, SIZE, SMALL, Drawing, Sheet, text_width
from memr_cli.reporting.figures.palette import INK, MUTED, PAPER
from memr_cli.reporting.groups import Group
from memr_cli.vocabulary import MODALITIES

_ROW, _HEAD, _FOOT, _GAP = 0.3, 0.3, 0.42, 0.2


@dataclass(frozen=True)
class _Bar:
    """A modality, its value in percent or points, and the folds' own values."""

    modality: str
    value: float
    label: str
    folds: tuple[float, ...] = ()


def contributions(group: Group, colours: Mapping[str, str]) -> Drawing | None:
    """Draw the panels for which the methods are there; None where there is neither.

    The gain needs early fusion and a single modality, the share two single modalities.
    """
    single = [result for result in group.results if result.is_unimodal]
    gains, shares = _gains(group.get("early"), single), _shares(single)
    panels = [(bars, title) for bars, title in (gains, shares) if bars]
    if not panels:
        return None
    names = [result.method for result in single]
    height = _ROW * len(names)
    sheet = Sheet(COLUMN, _HEAD + height + _FOOT, synthetic=group.synthetic)
    left = max(map(text_width, names)) + 0.1
    width = (COLUMN - left - 0.06 - _GAP * (len(panels) - 1)) / len(panels)
    for number, (bars, title) in enumerate(panels):
        start = left + number * (width + _GAP)
        _draw_panel(sheet, (start, width), bars, title, colours)
        if number == 0:
            sheet.figure.axes[0].set_yticks(range(len(names)), names)
    return sheet.finish(
        "contributions", _caption(gains[0], shares[0], group), _alt(panels), part="contributions"
    )


def _gains(early: Evaluated | None, single: Sequence[Evaluated]) -> tuple[list[_Bar], str]:
    """Early fusion's F1-micro less that of each modality, in points, fold by fold as well."""
    bars = []
    for result in single if early else ():
        if early is None:
            continue
        ours, theirs = early.scores["f1_micro"], result.scores["f1_micro"]
        if ours.mean is None or theirs.mean is None:
            return [], ""
        gain = 100 * (ours.mean - theirs.mean)
        pairs = zip(ours.folds, theirs.folds, strict=True)
        folds = tuple(100 * (a - b) for a, b in pairs if a is not None and b is not None)
        bars.append(_Bar(result.method, gain, _signed(gain), folds if len(folds) > 1 else ()))
    return bars, "gain of early fusion"


def _shares(single: Sequence[Evaluated]) -> tuple[list[_Bar], str]:
    """Each modality's F1-micro over the sum of those of all single modalities."""
    means = [result.scores["f1_micro"].mean for result in single]
    scores = [mean for mean in means if mean is not None]
    if len(scores) < 2 or len(scores) < len(means) or not sum(scores):
        return [], ""
    parts = [100 * score / sum(scores) for score in scores]
    bars = [
        _Bar(result.method, part, f"{part:.1f}") for result, part in zip(single, parts, strict=True)
    ]
    return bars, "share of single scores"


def _draw_panel(
    sheet: Sheet,
    place: tuple[float, float],
    bars: Sequence[_Bar],
    title: str,
    colours: Mapping[str, str],
) -> None:
    (left, width), points = place, any(bar.folds for bar in bars) or title.startswith("gain")
    column = max(text_width(bar.label, SIZE) for bar in bars) + 0.08
    axes = sheet.axes(left, _HEAD, width - column, _ROW * len(bars))
    ends = [value for bar in bars for value in (bar.value, *bar.folds)]
    axes.set(xlim=_limits(ends), ylim=(len(bars) - 0.5, -0.5))
    axes.set_xlabel("F1-micro (points)" if points else "share (%)")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=MUTED, lw=0.6)
    axes.locator_params(axis="x", nbins=4)
    sheet.text(left, 0.22, title, size=SMALL, color=MUTED, va="bottom")
    for row, bar in enumerate(bars):
        axes.barh(row, bar.value, height=0.56, color=colours[bar.modality])
        axes.plot(bar.folds, [row] * len(bar.folds), "o", ms=2.8, color=INK, mec=PAPER, mew=0.5)
        middle = _HEAD + (row + 0.5) * _ROW
        sheet.text(left + width, middle, bar.label, ha="right", va="center_baseline")


def _limits(ends: Sequence[float]) -> tuple[float, float]:
    """A range that holds zero and every end, with some air."""
    low, high = min(0.0, *ends), max(0.0, *ends)
    air = 0.03 * (high - low or 1.0)
    return low - air * (low < 0), high + air


def _signed(points: float) -> str:
    return f"{points:+.1f}".replace("-", "\N{MINUS SIGN}")


def _caption(gains: Sequence[_Bar], shares: Sequence[_Bar], group: Group) -> str:
    parts = []
    if gains:
        folds = "; dots are the single folds" if len(group.folds) > 1 else ""
        parts.append(
            "what early fusion gains in mean F1-micro over each modality alone, in points" + folds
        )
    if shares:
        parts.append(
            "each modality's F1-micro as a share of the sum over the single modalities (equal "
            "scores give equal shares, so this is a description, not a cause)"
        )
    if len(parts) == 2:
        parts = [f"Left: {parts[0]}", f"Right: {parts[1]}"]
    text = ". ".join(parts) + "."
    lacking = words.listed(name for name in ("early", *MODALITIES) if group.get(name) is None)
    if lacking:
        text += f" Not evaluated, so not shown: {lacking}."
    if gains and len({result.n for result in group.results}) > 1:
        text += " Each method is scored on the utterances that have the features it needs."
    return f"{text[0].upper()}{text[1:]}"


def _alt(panels: Sequence[tuple[Sequence[_Bar], str]]) -> str:
    sentences = []
    for bars, title in panels:
        unit = "points" if title.startswith("gain") else "%"
        values = ", ".join(f"{bar.modality} {bar.label} {unit}" for bar in bars)
        sentences.append(f"{title[0].upper()}{title[1:]}: {values}.")
    return "Bar charts. " + " ".join(sentences)
