"""Accuracy of one method with every subset of its modalities."""

from collections.abc import Collection, Mapping

from matplotlib.axes import Axes

from memr_cli.evaluation.metrics import Table as MetricTable
from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import COLUMN, SMALL, Drawing, Sheet, text_width
from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER, RULE
from memr_cli.reporting.groups import Group, slug
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.ablation import (
    Ablation,
    SpreadWithInterval,
    SubsetScores,
)

_ROW, _DOT, _FOOT = 0.2, 0.22, 0.4


def _figure(ablation: Ablation, colours: Mapping[str, str]) -> Drawing:
    """Draw a row for each subset: dots for the modalities that are there, then the score."""
    names, rows = ablation.modalities, ablation.subsets
    head = max(text_width(name, SMALL) for name in names) + 0.12
    left = 0.1 + _DOT * len(names) + 0.08
    texts = [words.percent(row.metrics["accuracy"].mean) for row in rows]
    right = max(map(text_width, texts)) + 0.12
    height = _ROW * len(rows)
    sheet = Sheet(COLUMN, head + height + _FOOT, synthetic=ablation.synthetic)
    axes = sheet.axes(left, head, COLUMN - left - right, height)
    axes.set(xlim=_limits(ablation), ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy (%)")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", steps=[1, 2, 5, 10], integer=True, nbins=6)
    matrix = sheet.axes(0.1, head, _DOT * len(names), height)
    matrix.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    matrix.axis("off")
    for column, name in enumerate(names):
        place = 0.1 + _DOT * (column + 0.5)
        sheet.text(place, head - 0.05, name, size=SMALL, rotation=90, ha="center", va="bottom")
    for number, (row, text) in enumerate(zip(rows, texts, strict=True)):
        _draw_members(matrix, number, row, names, colours)
        _draw_scores(axes, number, row)
        middle = head + (number + 0.5) * _ROW
        sheet.text(COLUMN - 0.03, middle, text, ha="right", va="center_baseline")
    name = f"subsets-{slug(ablation.method)}"
    return sheet.finish(name, _caption(ablation), _alt(ablation))


def _draw_members(
    axes: Axes, number: int, row: SubsetScores, names: tuple[str, ...], colours: Mapping[str, str]
) -> None:
    for column, name in enumerate(names):
        colour = colours[name] if name in row.modalities else RULE
        axes.plot(column, number, "o", ms=6.5, color=colour, mew=0)


def _draw_scores(axes: Axes, number: int, row: SubsetScores) -> None:
    apart = 0.16 if row.retrained else 0.0
    _draw_score(axes, number - apart, row.metrics["accuracy"], "o", INK)
    if row.retrained:
        _draw_score(axes, number + apart, row.retrained["accuracy"], "D", PAPER)


def _draw_score(
    axes: Axes, place: float, score: SpreadWithInterval, marker: str, fill: str
) -> None:
    if score.mean is None:
        return
    if score.ci95 is not None:
        ends = [100 * bound for bound in score.ci95]
        axes.plot(ends, [place] * 2, color=MUTED, lw=1.1, solid_capstyle="butt")
    size = 4.2 if marker == "o" else 3.4
    axes.plot(100 * score.mean, place, marker, ms=size, color=fill, mec=INK, mew=0.8, zorder=3)


def _limits(ablation: Ablation) -> tuple[float, float]:
    """All marks and some air, in percent; the axis need not start at zero."""
    ends = []
    for row in ablation.subsets:
        for scores in (row.metrics, row.retrained or {}):
            for value in [scores["accuracy"]] if scores else []:
                ends += [value.mean, *(value.ci95 or ())]
    known = [100 * end for end in ends if end is not None] or [0.0, 100.0]
    air = 0.05 * max(max(known) - min(known), 5.0)
    return min(known) - air, max(known) + air


def _caption(ablation: Ablation) -> str:
    text = (
        f"Accuracy of {ablation.method} with every subset of its modalities, the others absent at "
        f"test time, with 95{words.SPACE}% intervals. Without any, the most frequent class of the "
        "training part is answered."
    )
    if any(row.retrained for row in ablation.subsets):
        text += " Diamonds: trained without the others, too."
    return f"{text} The axis does not start at zero."


def _alt(ablation: Ablation) -> str:
    parts = []
    for row in ablation.subsets:
        score = words.percent(row.metrics["accuracy"].mean)
        anew = row.retrained and f" (retrained {words.percent(row.retrained['accuracy'].mean)})"
        parts.append(f"{' and '.join(row.modalities) or 'none'} {score}{anew or ''}")
    return f"Dot plot of accuracy in percent of {ablation.method} with: {'; '.join(parts)}."


def _not_averaged(group: Group) -> str:
    return (
        f"The results above are of ensembles; here and under disturbance, scores are means over "
        f"{len(group.seeds)} seeds, each by itself."
    )


def _subset_sentence(ablation: Ablation) -> str:
    """What is lost without each one modality."""
    whole = ablation.whole.metrics["accuracy"].mean
    if len(ablation.modalities) < 2 or whole is None:
        return f"{ablation.method} uses {words.listed(ablation.modalities)} alone."
    without = {}
    for name in ablation.modalities:
        rest = ablation.with_only(*(other for other in ablation.modalities if other != name))
        if rest.metrics["accuracy"].mean is not None:
            without[name] = rest.metrics["accuracy"].mean
    ordered = sorted(without, key=lambda name: without[name])
    parts = [f"{words.percent(without[name])} without {name}" for name in ordered]
    return (
        f"{ablation.method} reaches an accuracy of {words.percent(whole)}{words.SPACE}% with all "
        f"modalities, and at test time {words.listed(parts)}."
    )


def _subset_table(ablation: Ablation) -> Captioned:
    retrained = any(row.retrained for row in ablation.subsets)
    metrics = words.metric_names(MetricTable.ABLATE, ablation.shapley)
    names = tuple(map(words.heading, metrics.values()))
    head = ("Modalities", *names)
    head += tuple(f"{name}, retrained" for name in names) * retrained
    rows = []
    for row in ablation.subsets:
        cells = _scored(row.metrics, metrics) + (
            _scored(row.retrained, metrics) if retrained else ()
        )
        rows.append((", ".join(row.modalities) or "none", *cells))
    caption = (
        f"{ablation.method}: scores in percent with 95{words.SPACE}% intervals, over "
        f"{words.counted(ablation.n, 'utterance')}."
    )
    return Captioned(
        Table(head, tuple(rows)), f"Subsets of modalities ({ablation.method})", caption
    )


def _scored(
    scores: Mapping[str, SpreadWithInterval] | None, metrics: Collection[str]
) -> tuple[str, ...]:
    if scores is None:
        return (words.ABSENT,) * len(metrics)
    found = [scores[metric] for metric in metrics]
    return tuple(
        words.percent(one.mean) + (f" ({words.interval(one)})" if one.ci95 else "") for one in found
    )


def subsets(context: Context) -> list[Part]:
    """The accuracy of every ablated method with each subset of its modalities."""
    ablations = context.studies.ablations
    if not ablations:
        return []
    sentence = " ".join(map(_subset_sentence, ablations))
    figures = tuple(_figure(one, context.colours) for one in ablations)
    lines = (_not_averaged(context.group),) * context.group.terms.ensemble
    tables = tuple(map(_subset_table, ablations))
    return [Part("subsets", "All subsets of modalities", sentence, figures, tables, lines)]
