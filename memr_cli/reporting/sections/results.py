"""The main table and its figure: every method beside the others."""

from memr_cli.reporting.section import Context, Part
from collections.abc import Iterable, Mapping, Sequence
import numpy as np
from memr_cli.results.evaluation import Evaluation
from memr_cli.reporting.groups import Group
from memr_cli.results.comparison import Comparison
from memr_cli.results.ablation import SpreadWithInterval
from memr_cli.results.evaluation import Score
from memr_cli.results.schema import Interval
from collections.abc import Mapping, Sequence
from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import COLUMN, SMALL, Drawing, Sheet, shortened, text_width
from memr_cli.reporting.drawing.palette import MUTED, PAPER


def headline(group: Group, comparisons: Sequence[Comparison] = ()) -> str:
    """What the scores show, and what they leave open. Names the highest mean, never a winner.

    Where intervals overlap, a paired comparison of the two says more than they do.
    """
    scored = [(result.metrics["f1_micro"], result) for result in group.results]
    ranked = sorted(
        ((score.mean, score, result) for score, result in scored if score.mean is not None),
        key=lambda entry: -entry[0],
    )
    if not ranked:
        return "No method has a defined F1-micro here."
    _, best, leader = ranked[0]
    bounds = "" if best.ci95 is None else f" (95{SPACE}% interval {_to(best)})"
    reach = f"{percent(best.mean)}{SPACE}%{bounds}"
    extent = (
        f"over {counted(len(group.folds), 'fold')} and {counted(leader.n, 'tested utterance')}."
    )
    name, level = majority(group)
    context = (
        f" Always answering the most frequent class of {test_part(group)}, {name}, would score "
        f"{percent(level)}{SPACE}%."
    )
    if len(ranked) == 1:
        return f"{leader.method} reaches a mean F1-micro of {reach} {extent}{context}"
    others = [(result.method, score) for _, score, result in ranked[1:]]
    return (
        f"The highest mean F1-micro is that of {leader.method}: {reach} {extent}"
        f"{_order(leader, others, _paired(group, leader.method, comparisons))}{context}"
    )


def _to(score: Score) -> str:
    low, high = score.ci95 or (None, None)
    return f"{percent(low)} to {percent(high)}"


def _paired(group: Group, leader: str, comparisons: Iterable[Comparison]) -> dict[str, float]:
    """The accuracy that the leader has over those it is surely better than, by method."""
    found: dict[str, float] = {}
    for comparison in comparisons:
        labels = {
            one.label: one.method
            for one in comparison.methods
            if one.metrics == f"metrics/{group.protocol}/{one.method}.json"
        }
        for pair in comparison.pairs:
            names = {labels.get(pair.first), labels.get(pair.second)}
            (other,) = (names - {leader}) if len(names) == 2 and leader in names else {None}
            accuracy = pair.metrics["accuracy"]
            if other is None or accuracy.difference is None or not accuracy.stands:
                continue
            sign = 1 if labels.get(pair.second) == leader else -1
            if sign * accuracy.difference > 0:
                found[other] = sign * accuracy.difference
    return found


def _order(
    leader: Evaluation, others: Sequence[tuple[str, Score]], paired: Mapping[str, float]
) -> str:
    """How the other methods lie to that of the highest mean."""
    best = leader.metrics["f1_micro"]
    if best.ci95 is None or any(score.ci95 is None for _, score in others):
        return " Without intervals for all methods, nothing is said about their order."
    low = best.ci95[0]
    near = [name for name, score in others if score.ci95 is not None and score.ci95[1] >= low]
    far = [name for name, _ in others if name not in near]
    text = ""
    if near:
        apart = [name for name in near if name in paired]
        open_ = [name for name in near if name not in apart]
        text += f" The {_whose(near, 'overlaps', 'overlap')} it"
        better = listed(f"{name} ({signed(paired[name])} points)" for name in apart)
        if apart:
            text += f"; paired over the same utterances, {leader.method} is better than {better}"
            text += f", and its order with {listed(open_)} is not settled here." if open_ else "."
        else:
            text += ", so their order is not settled here."
    if far:
        text += f" The {_whose(far, 'lies', 'lie')} below it."
    return text


def _whose(names: Sequence[str], one: str, several: str) -> str:
    if len(names) == 1:
        return f"interval of {names[0]} {one}"
    return f"intervals of {listed(names)} {several}"


def not_evaluated(group: Group) -> str | None:
    """The methods of the five that are not there, in a sentence; None where all are."""
    if not group.not_evaluated:
        return None
    return f"Not evaluated: {', '.join(group.not_evaluated)}."


def table_caption(group: Group) -> str:
    """What the columns of the results table mean."""
    k = len(group.folds)
    spread = f"mean ± standard deviation over {k} folds" if k > 1 else "score of the one fold"
    seeds = f", each fold {_of_seeds(group)}" if len(group.seeds) > 1 else ""
    return (
        f"Scores in percent: {spread}{seeds}; 95{SPACE}% intervals from a clustered bootstrap. "
        "F1-micro equals accuracy here, as every utterance has one label. UAR is the unweighted "
        "average recall, n the number of utterances scored."
    )


def _of_seeds(group: Group) -> str:
    """What a score is of several seeds."""
    n = len(group.seeds)
    if not group.terms.ensemble:
        return f"the mean of {n} seeds"
    votes = [result.method for result in group.results if result.runs > 1]
    apart = f" (of {listed(votes)}, which votes, the mean of {n} seeds)" if votes else ""
    return f"decided by the mean of the probabilities of {n} seeds{apart}"


_ROW, _HEAD, _FOOT = 0.3, 0.3, 0.4


def comparison(group: Group, colours: Mapping[str, str]) -> Drawing | None:
    """Draw the F1-micro of every method, None where none has a defined one."""
    shown = [result for result in group.results if result.metrics["f1_micro"].mean is not None]
    if not shown:
        return None
    name, level = words.majority(group)
    values = [_mean_std(result) for result in shown]
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
    return sheet.finish("comparison", _figure_caption(group, name, low), _alt(shown, name, level))


def _draw_row(sheet: Sheet, row: int, result: Evaluation, colour: str) -> None:
    axes = sheet.figure.axes[0]
    score = result.metrics["f1_micro"]
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


def _limits(shown: Sequence[Evaluation], level: float) -> tuple[float, float]:
    """A range of percentages in steps of five with some air around every mark."""
    marks = [100 * level]
    for result in shown:
        score = result.metrics["f1_micro"]
        mean, std = score.mean or 0.0, score.std or 0.0
        marks += [100 * (mean - std), 100 * (mean + std)]
        marks += [100 * fold for fold in score.folds if fold is not None]
    low = 5 * np.floor((min(marks) - 1.5) / 5)
    high = 5 * np.ceil((max(marks) + 1.5) / 5)
    return max(float(low), -1.0), min(float(high), 101.0)


def _mean_std(result: Evaluation) -> str:
    return words.mean_std(result.metrics["f1_micro"], digits=1)


def _figure_caption(group: Group, majority: str, low: float) -> str:
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


def _alt(shown: Sequence[Evaluation], majority: str, level: float) -> str:
    scores = "; ".join(f"{result.method} {_mean_std(result)} %" for result in shown)
    return f"Dot plot of F1-micro. {scores}. Always {majority}: {100 * level:.1f} %."
