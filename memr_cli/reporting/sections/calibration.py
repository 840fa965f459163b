"""Calibration: how often decisions are right beside how confident they are."""

from collections.abc import Mapping
from dataclasses import dataclass

from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import COLUMN, PAGE, SMALL, TINY, Drawing, Sheet, shortened
from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.evaluation import Bin, Calibration, Measure

_LEFT, _GAP, _TITLE, _BELOW, _FOOT = 0.46, 0.2, 0.22, 0.12, 0.4


_COLUMNS, _COLUMNS_OF_PAGE = 3, 6


_MOST_IN_COLUMN = 9


@dataclass(frozen=True)
class Judged:
    """Brier score, expected calibration error and area under the risk-coverage curve.

    ece: over all test utterances at once, since that of a small fold is above 0 by chance.
    temperatures: one for each fold and run where they were fitted. unfitted: folds and runs for
    which no temperature was best.
    """

    brier: Measure
    ece: float
    aurc: Measure
    bins: tuple[Bin, ...]
    temperatures: tuple[float, ...]
    unfitted: int

    @classmethod
    def of(cls, found: Calibration) -> "Judged | None":
        """Return the measures of a result; None without probabilities to judge."""
        bins = tuple(one for one in found.bins or () if one.n)
        if not bins or found.brier is None or found.ece is None or found.aurc is None:
            return None
        temperatures = found.temperatures or ()
        return cls(
            brier=found.brier,
            ece=found.ece.pooled,
            aurc=found.aurc,
            bins=bins,
            temperatures=tuple(one.temperature for one in temperatures if one.fitted),
            unfitted=sum(not one.fitted for one in temperatures),
        )

    @property
    def surest(self) -> tuple[float, float]:
        """Mean confidence, and the share that was right, in the surest third of the bins."""
        ordered = sorted(self.bins, key=lambda one: -one.confidence)
        bins = ordered[: -(-len(ordered) // 3)]
        total = sum(one.n for one in bins)
        claimed = sum(one.n * one.confidence for one in bins)
        return claimed / total, sum(one.n * one.accuracy for one in bins) / total


def _judged(group: Group) -> list[tuple[str, Judged]]:
    """The methods that give probabilities, with their calibration."""
    found = ((one.method, Judged.of(one.calibration)) for one in group.results)
    return [(method, one) for method, one in found if one is not None]


def _figure(group: Group, colours: Mapping[str, str]) -> Drawing:
    """Draw a panel for every method that gives probabilities."""
    shown = _judged(group)
    width, most = (COLUMN, _COLUMNS) if len(shown) <= _MOST_IN_COLUMN else (PAGE, _COLUMNS_OF_PAGE)
    columns = min(len(shown), most)
    side = min((width - _LEFT - 0.1 - _GAP * (columns - 1)) / columns, 1.5)
    rows = -(-len(shown) // columns)
    pitch = _TITLE + side + _BELOW
    sheet = Sheet(width, rows * pitch - _BELOW + _FOOT, synthetic=group.synthetic)
    for number, (method, found) in enumerate(shown):
        row, column = divmod(number, columns)
        place = _LEFT + column * (side + _GAP), _TITLE + row * pitch
        last = number + columns >= len(shown)
        _draw_panel(sheet, (*place, side), (method, found), colours[method], (column == 0, last))
    middle = _LEFT + (columns * (side + _GAP) - _GAP) / 2
    sheet.text(0.03, rows * pitch / 2, "right (%)", rotation=90, ha="left", va="center")
    foot = sheet.height - (0.2 if group.synthetic else 0.04)
    sheet.text(middle, foot, "confidence (%)", ha="center", va="bottom")
    return sheet.finish("reliability", _caption(group), _alt(shown))


def _draw_panel(
    sheet: Sheet,
    place: tuple[float, float, float],
    shown: tuple[str, Judged],
    colour: str,
    labelled: tuple[bool, bool],
) -> None:
    """place: left, top and side in inches. labelled: whether the axes left and below have ticks."""
    (left, top, side), (method, found) = place, shown
    axes = sheet.axes(left, top, side, side)
    axes.set(xlim=(0, 100), ylim=(0, 100), xticks=[0, 50, 100], yticks=[0, 50, 100])
    axes.tick_params(labelsize=SMALL, labelleft=labelled[0], labelbottom=labelled[1])
    axes.plot([0, 100], [0, 100], color=MUTED, lw=0.8, ls=(0, (4, 3)))
    confidence = [100 * one.confidence for one in found.bins]
    right = [100 * one.accuracy for one in found.bins]
    # To the diagonal: what confidence claims too much, or too little.
    axes.vlines(confidence, right, confidence, color=colour, lw=0.8, alpha=0.45)
    axes.plot(confidence, right, "o-", color=colour, ms=2.9, lw=0.9, mec=PAPER, mew=0.3)
    sheet.text(left, top - 0.04, shortened(method, side, SMALL), size=SMALL, va="bottom")
    text = f"ECE {words.percent(found.ece)}"
    axes.text(97, 5, text, size=TINY, color=INK, ha="right", va="bottom")


def _caption(group: Group) -> str:
    judged = dict(_judged(group))
    lacking = [one.method for one in group.results if one.method not in judged]
    text = (
        "Share of decisions that are right by how sure they are, in bins of equal size over all "
        "test utterances. Below the diagonal a method claims more than it keeps. ECE: the expected "
        "calibration error in points, over all test utterances."
    )
    if lacking:
        text += f" Without probabilities to judge: {words.listed(lacking)}."
    return text


def _alt(shown: list[tuple[str, Judged]]) -> str:
    parts = (
        f"{method}: expected calibration error {words.percent(found.ece)}"
        for method, found in shown
    )
    return f"Reliability diagrams, in points. {'; '.join(parts)}."


def calibration(context: Context) -> list[Part]:
    """The calibration of methods that give probabilities."""
    group = context.group
    found = _judged(group)
    if not found:
        return []
    best, worst = (choose(found, key=lambda one: one[1].ece or 0.0) for choose in (min, max))
    many = group.is_crowded and len(found) > 2
    named = (best, worst) if many else found
    errors = [f"{method} {words.percent(one.ece)}" for method, one in named]
    listed = " to ".join(errors) if many else ", ".join(errors)
    claimed, right = worst[1].surest
    sentence = (
        f"Expected calibration error over all test utterances, in points: {listed}; of "
        f"the third of its decisions that it is surest of, {worst[0]} claims "
        f"{words.percent(claimed)}{words.SPACE}% and gets "
        f"{words.percent(right)}{words.SPACE}% right."
    )
    head = ("Method", "Brier score", "ECE", "AURC", "Temperatures")
    rows = tuple(
        (
            method,
            *(words.fraction(score) for score in (one.brier.mean, one.ece, one.aurc.mean)),
            _range(one),
        )
        for method, one in found
    )
    caption = (
        "As fractions; lower is better. Brier score, and AURC, the area under the risk-coverage "
        "curve: means over folds. ECE, the expected calibration error: over all test utterances, "
        "15 bins of equal size. Temperatures: fitted on validation rows, one for each fold and "
        "seed."
    )
    table = Captioned(Table(head, rows), "Calibration", caption)
    return [
        Part("reliability", "Reliability", sentence, (_figure(group, context.colours),), (table,))
    ]


def _range(found: Judged) -> str:
    values, total = found.temperatures, len(found.temperatures) + found.unfitted
    if not values:
        return "not fitted"
    lacking = f" ({found.unfitted} of {total} not fitted)" if found.unfitted else ""
    return f"{min(values):.2f} to {max(values):.2f}{lacking}"
