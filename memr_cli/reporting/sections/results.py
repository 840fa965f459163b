"""The main table and its figure: every method beside the others."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from memr_cli.evaluation.metrics import REGISTRY, Metric, metrics_of
from memr_cli.evaluation.metrics import Table as MetricTable
from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import COLUMN, SMALL, Drawing, Sheet, shortened, text_width
from memr_cli.reporting.drawing.palette import MUTED, PAPER
from memr_cli.reporting.groups import Group
from memr_cli.reporting.published import published
from memr_cli.reporting.rows import methods
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.comparison import Comparison
from memr_cli.results.evaluation import Evaluation, Score

_ACCURACY = ("f1_micro", "accuracy")
_INTERVALS = 2
"""Metrics of the main table that have their interval beside them."""
_NOT = words.ABSENT
_MEANINGS = {
    "f1_micro": "F1-micro equals accuracy here, as every utterance has one label.",
    "uar": "UAR is the unweighted average recall.",
    "f1_weighted": "Weighted F1 weighs each class by its utterances.",
}


def headline(
    group: Group, comparisons: Sequence[Comparison] = (), metric: Metric = REGISTRY[0]
) -> str:
    """Return the answer that the scores give, and what they leave open.

    It names the highest mean, never a winner. Where intervals overlap, a paired comparison of the
    two methods says more than they do.
    """
    label = metric.label
    scored = [
        (result.metrics[metric.key], result)
        for result in group.results
        if metric.key in result.metrics
    ]
    ranked = sorted(
        ((score.mean, score, result) for score, result in scored if score.mean is not None),
        key=lambda entry: -entry[0],
    )
    if not ranked:
        return f"No method has a defined {label} here."
    _, best, leader = ranked[0]
    bounds = "" if best.ci95 is None else f" (95{words.SPACE}% interval {_to(best)})"
    reach = f"{words.percent(best.mean)}{words.SPACE}%{bounds}"
    tested = words.counted(leader.n, "tested utterance")
    extent = f"over {words.counted(len(group.folds), 'fold')} and {tested}."
    name, level = words.majority(group)
    context = (
        ""
        if metric.key not in _ACCURACY
        else (
            f" Always answering the most frequent class of {words.test_part(group)}, {name}, would "
            f"score {words.percent(level)}{words.SPACE}%."
        )
    )
    if len(ranked) == 1:
        return f"{leader.method} reaches a mean {label} of {reach} {extent}{context}"
    paired = _paired(group, leader.method, comparisons, metric)
    others = [(result.method, score) for _, score, result in ranked[1:]]
    return (
        f"The highest mean {label} is that of {leader.method}: {reach} {extent}"
        f"{_order((leader.method, best), others, paired)}{context}"
    )


def _to(score: Score) -> str:
    low, high = score.ci95 or (None, None)
    return f"{words.percent(low)} to {words.percent(high)}"


def _paired(
    group: Group, leader: str, comparisons: Iterable[Comparison], metric: Metric
) -> dict[str, float]:
    """The established difference to the methods that the leader is better than, by method."""
    key = "accuracy" if metric.key in _ACCURACY else metric.key
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
            found_here = pair.metrics.get(key)
            if other is None or found_here is None or not found_here.is_established:
                continue
            sign = 1 if labels.get(pair.second) == leader else -1
            if sign * found_here.difference > 0:
                found[other] = sign * found_here.difference
    return found


def _order(
    leading: tuple[str, Score], others: Sequence[tuple[str, Score]], paired: Mapping[str, float]
) -> str:
    """How the other methods compare with that of the highest mean."""
    leader, best = leading
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
        better = words.listed(f"{name} ({words.signed(paired[name])} points)" for name in apart)
        if apart:
            text += f"; paired over the same utterances, {leader} is better than {better}"
            text += (
                f", and its order with {words.listed(open_)} is not settled here." if open_ else "."
            )
        else:
            text += ", so their order is not settled here."
    if far:
        text += f" The {_whose(far, 'lies', 'lie')} below it."
    return text


def _whose(names: Sequence[str], one: str, several: str) -> str:
    if len(names) == 1:
        return f"interval of {names[0]} {one}"
    return f"intervals of {words.listed(names)} {several}"


def not_evaluated(group: Group) -> str | None:
    """The methods of the five that are not there, in a sentence; None where all are."""
    if not group.not_evaluated:
        return None
    return f"Not evaluated: {', '.join(group.not_evaluated)}."


def table_caption(group: Group, metrics: Sequence[Metric] = metrics_of(MetricTable.REPORT)) -> str:
    """Return the meaning of the columns of the main table."""
    k = len(group.folds)
    spread = f"mean ± standard deviation over {k} folds" if k > 1 else "score of the one fold"
    seeds = f", each fold {_of_seeds(group)}" if len(group.seeds) > 1 else ""
    meanings = [_MEANINGS[one.key] for one in metrics if one.key in _MEANINGS]
    return (
        f"Scores in percent: {spread}{seeds}; 95{words.SPACE}% intervals from a clustered "
        f"bootstrap. {' '.join(meanings)} n is the number of utterances scored."
    )


def _of_seeds(group: Group) -> str:
    """What a score is of several seeds."""
    n = len(group.seeds)
    if not group.terms.ensemble:
        return f"the mean of {n} seeds"
    votes = [result.method for result in group.results if result.runs > 1]
    apart = f" (of {words.listed(votes)}, which votes, the mean of {n} seeds)" if votes else ""
    return f"decided by the mean of the probabilities of {n} seeds{apart}"


_ROW, _HEAD, _FOOT = 0.3, 0.3, 0.4


def _figure(group: Group, colours: Mapping[str, str]) -> Drawing | None:
    """Draw the F1-micro of every method; None where none has a defined one."""
    shown = [result for result in group.results if result.metrics["f1_micro"].mean is not None]
    if not shown:
        return None
    name, level = words.majority(group)
    values = [_mean_std(result) for result in shown]
    left = min(max(text_width(result.method) for result in shown), 1.4) + 0.1
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


def results(context: Context) -> list[Part]:
    """The main table, with the methods side by side in a figure."""
    group, choice = context.group, context.choice
    metrics = [m for m in choice.metrics if any(m.key in one.metrics for one in group.results)]
    beside = _published(group, 2 if choice.digits is None else choice.digits)
    caption = table_caption(group, metrics)
    if beside:
        caption += " Published: F1-micro of the notebook that memr reimplements, on the same folds."
    names = group.methods if choice.methods else methods(group)
    table = _table(group, names, metrics, beside, choice.digits)
    figure = _figure(group, context.colours)
    return [
        Part(
            "results",
            "Results",
            figures=() if figure is None else (figure,),
            tables=(Captioned(table, "Results", caption, folded=False),),
            lines=tuple(line for line in [not_evaluated(group)] if line and not choice.methods),
            paper=(_paper(group, metrics, choice.digits),),
        )
    ]


def _published(group: Group, digits: int) -> dict[str, str]:
    found = {method: published(group, method) for method in methods(group)}
    return {
        method: words.plus_minus(score.mean, score.std, digits)
        for method, score in found.items()
        if score is not None
    }


def _table(
    group: Group,
    names: Sequence[str],
    metrics: Sequence[Metric],
    beside: Mapping[str, str],
    digits: int | None,
) -> Table:
    """A row for each method; the first two metrics have their intervals beside them."""
    # Of many methods one column would be empty but for a row; the notes give the ties too.
    votes = any(result.votes for result in group.results) and not group.is_crowded
    with_interval = [metric.key for metric in metrics[:_INTERVALS]]
    head = ["Method"]
    for metric in metrics:
        head += [words.heading(metric.label), *["95 % interval"] * (metric.key in with_interval)]
    head += ["n", *["Ties"] * votes, *["Published"] * bool(beside)]
    best, marked = _best(group, metrics), set()
    rows: list[tuple[str, ...]] = []
    for method in names:
        result = group.get(method)
        cells = [method]
        for metric in metrics:
            score = None if result is None else result.metrics.get(metric.key)
            if (method, metric.key) in best:
                marked.add((len(rows), len(cells)))
            cells.append(_NOT if score is None else words.mean_std(score, _or(digits, 2)))
            if metric.key in with_interval:
                cells.append(_NOT if score is None else words.interval(score, _or(digits, 1)))
        cells.append(_NOT if result is None else words.whole(result.n))
        ties = result.ties if result is not None else None
        cells += [words.whole(ties.count) if ties else words.ABSENT] * votes
        cells += [beside.get(method, words.ABSENT)] * bool(beside)
        if result is None:
            cells[1] = "not evaluated"
        rows.append(tuple(cells))
    return Table(tuple(head), tuple(rows), best=frozenset(marked))


def _best(group: Group, metrics: Sequence[Metric]) -> set[tuple[str, str]]:
    """Method and key of the best mean of each metric, of several methods."""
    found: set[tuple[str, str]] = set()
    for metric in metrics if len(group.results) > 1 else ():
        scored = [(one.metrics.get(metric.key), one.method) for one in group.results]
        means = {name: score.mean for score, name in scored if score and score.mean is not None}
        if means:
            top = (max if metric.higher_is_better else min)(means.values())
            found |= {(method, metric.key) for method, mean in means.items() if mean == top}
    return found


def _paper(group: Group, metrics: Sequence[Metric], digits: int | None) -> Captioned:
    """The evaluated methods for LaTeX, with each interval in a line of its own below its mean."""
    places, best = _or(digits, 1), _best(group, metrics)
    rows: list[tuple[str, ...]] = []
    marked = set()
    for result in group.results:
        scores = [result.metrics.get(metric.key) for metric in metrics]
        marked |= {
            (len(rows), column)
            for column, metric in enumerate(metrics, start=1)
            if (result.method, metric.key) in best
        }
        means = [_NOT if one is None else words.mean_std(one, places) for one in scores]
        rows.append((result.method, *means, words.whole(result.n)))
        if any(one is not None and one.ci95 for one in scores):
            ends = ["" if one is None else words.interval(one, places) for one in scores]
            rows.append(("", *ends, ""))
    head = ("Method", *(words.heading(metric.label) for metric in metrics), "n")
    caption = table_caption(group, metrics) + " Bold: the highest mean of each metric." * bool(best)
    return Captioned(Table(head, tuple(rows), best=frozenset(marked)), "results", caption)


def _or(digits: int | None, usual: int) -> int:
    return usual if digits is None else digits
