"""Accuracy of a method under noise, and as modalities are lost at random."""

from collections.abc import Collection, Mapping, Sequence

from matplotlib.axes import Axes

from memr_cli.evaluation.metrics import Table as MetricTable
from memr_cli.reporting import words
from memr_cli.reporting.drawing import legend
from memr_cli.reporting.drawing.canvas import COLUMN, SMALL, Drawing, Sheet
from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER
from memr_cli.reporting.groups import slug
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.ablation import Ablation, LossPoint, NoisePoint

ALL = "all at once"


_TOP, _TITLE, _HEIGHT, _FOOT, _LEFT, _GAP = 0.05, 0.24, 1.45, 0.42, 0.5, 0.16


_MARKERS = ("o", "s", "^", "v", "P", "X")


def _figure(ablation: Ablation, colours: Mapping[str, str]) -> Drawing | None:
    """Draw a panel for noise and one for random loss, those that there are; None without both."""
    panels = [
        (points, title, axis)
        for points, title, axis in (
            (ablation.noise, "under noise", "noise (standard deviations)"),
            (ablation.loss, "under random loss", "share lost (%)"),
        )
        if points
    ]
    if not panels:
        return None
    colours = {ALL: INK, **colours}
    names = [ALL, *ablation.modalities]
    broken = legend.lines(names, COLUMN)
    head = _TOP + legend.LINE * len(broken) + _TITLE
    sheet = Sheet(COLUMN, head + _HEIGHT + _FOOT, synthetic=ablation.synthetic)
    legend.draw(sheet, broken, colours, top=_TOP)
    width = (COLUMN - _LEFT - 0.1 - _GAP * (len(panels) - 1)) / len(panels)
    low, high = _limits(ablation)
    for number, (points, title, axis) in enumerate(panels):
        left = _LEFT + number * (width + _GAP)
        axes = sheet.axes(left, head, width, _HEIGHT)
        axes.set(ylim=(low, high), xlabel=axis)
        axes.xaxis.label.set_fontsize(SMALL)
        axes.grid(axis="y")
        axes.tick_params(axis="y", labelsize=SMALL, labelleft=number == 0)
        axes.locator_params(axis="x", nbins=5)
        scale = 100 if "share" in axis else 1
        _draw_curves(axes, ablation, points, colours, scale)
        sheet.text(left, head - 0.07, title, size=SMALL, color=MUTED, va="bottom")
    sheet.figure.axes[0].set_ylabel("accuracy (%)")
    name = f"robustness-{slug(ablation.method)}"
    return sheet.finish(name, _caption(ablation), _alt(ablation))


def _draw_curves(
    axes: Axes,
    ablation: Ablation,
    points: Sequence[NoisePoint | LossPoint],
    colours: Mapping[str, str],
    scale: float,
) -> None:
    floor = ablation.with_only().metrics["accuracy"].mean
    if floor is not None:
        axes.axhline(100 * floor, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1)
    for number, name in enumerate([*ablation.modalities, ALL]):
        curve = along(ablation, points, None if name == ALL else name)
        marker = "D" if name == ALL else _MARKERS[number % len(_MARKERS)]
        axes.plot(
            [scale * level for level, _ in curve],
            [100 * score for _, score in curve],
            marker=marker,
            ms=3.4,
            mec=PAPER,
            mew=0.4,
            lw=1.3,
            color=colours[name],
        )


def along(
    ablation: Ablation, points: Sequence[NoisePoint | LossPoint], modality: str | None
) -> list[tuple[float, float]]:
    """Levels and accuracies of one curve by level, from what there is without noise or loss."""
    found = {
        point.level: point.metrics["accuracy"].mean
        for point in points
        if point.modality == modality
    }
    whole = {0.0: ablation.whole.metrics["accuracy"].mean} if found else {}
    both = {**whole, **found}
    return [(at, score) for at, score in sorted(both.items()) if score is not None]


def _limits(ablation: Ablation) -> tuple[float, float]:
    points: list[NoisePoint | LossPoint] = [*ablation.noise, *ablation.loss]
    scores = [point.metrics["accuracy"].mean for point in points]
    scores += [
        ablation.whole.metrics["accuracy"].mean,
        ablation.with_only().metrics["accuracy"].mean,
    ]
    known = [100 * score for score in scores if score is not None] or [0.0, 100.0]
    air = 0.06 * max(max(known) - min(known), 5.0)
    return min(known) - air, max(known) + air


def _caption(ablation: Ablation) -> str:
    parts = []
    if ablation.noise:
        parts.append(
            "Gaussian noise added to features at test time, in standard deviations of the "
            "training part"
        )
    if ablation.loss:
        parts.append(
            "modalities of utterances lost at random at test time (all at once: each by itself "
            "with this probability)"
        )
    text = f"Accuracy of {ablation.method} with {words.listed(parts)}."
    return (
        f"{text} The dashed line is the score without any modality. The axis does not start at "
        "zero."
    )


def _alt(ablation: Ablation) -> str:
    parts = []
    for points, what in ((ablation.noise, "noise"), (ablation.loss, "loss")):
        for name in (None, *ablation.modalities):
            curve = along(ablation, points, name)
            if curve:
                ends = f"from {100 * curve[0][1]:.1f} to {100 * curve[-1][1]:.1f}"
                parts.append(f"{what} of {name or ALL} {ends} at {curve[-1][0]:g}")
    return f"Curves of accuracy in percent of {ablation.method}: {'; '.join(parts)}."


def _robustness_sentence(ablation: Ablation) -> str:
    """Where the curves of all modalities at once stand about half way."""
    parts = []
    lost = along(ablation, ablation.loss, None)
    if lost:
        share, score = min(lost, key=lambda point: abs(point[0] - 0.5))
        parts.append(
            f"to {words.percent(score)} with {words.percent(share, 0)}{words.SPACE}% of modalities "
            "lost at random"
        )
    noisy = along(ablation, ablation.noise, None)
    if noisy:
        level, score = min(noisy, key=lambda point: abs(point[0] - 1))
        plural = "" if level == 1 else "s"
        parts.append(
            f"to {words.percent(score)} with noise of {level:g} standard deviation{plural} on all"
        )
    whole = words.percent(ablation.whole.metrics["accuracy"].mean)
    if not parts:
        return f"{ablation.method} was disturbed in single modalities alone."
    return f"From {whole}{words.SPACE}%, {ablation.method}'s accuracy goes {words.listed(parts)}."


def _robustness_table(ablation: Ablation) -> Captioned:
    metrics = words.metric_names(MetricTable.ABLATE, ablation.shapley)
    rows = [_disturbed("noise", point, f"{point.level:g}", metrics) for point in ablation.noise]
    rows += [
        _disturbed("loss", point, f"{words.percent(point.share, 0)}{words.SPACE}%", metrics)
        for point in ablation.loss
    ]
    head = ("What", "Modality", "How much", *map(words.heading, metrics.values()))
    caption = (
        f"{ablation.method}: scores in percent under noise (in standard deviations of the training "
        "part) and under random loss (share of what is lost)."
    )
    return Captioned(Table(head, tuple(rows), left=2), f"Robustness ({ablation.method})", caption)


def _disturbed(
    what: str, point: NoisePoint | LossPoint, level: str, metrics: Collection[str]
) -> tuple[str, ...]:
    scores = (words.percent(point.metrics[metric].mean) for metric in metrics)
    return (what, point.modality or ALL, level, *scores)


def robustness(context: Context) -> list[Part]:
    """The accuracy of every ablated method under noise and random loss."""
    disturbed = [one for one in context.studies.ablations if one.noise or one.loss]
    if not disturbed:
        return []
    sentence = " ".join(map(_robustness_sentence, disturbed))
    drawn = (_figure(one, context.colours) for one in disturbed)
    figures = tuple(one for one in drawn if one is not None)
    return [
        Part(
            "robustness", "Robustness", sentence, figures, tuple(map(_robustness_table, disturbed))
        )
    ]
