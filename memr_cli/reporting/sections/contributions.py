"""The contribution of each modality: Shapley values, and the gain of early fusion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memr_cli.evaluation.metrics import Table as MetricTable
from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import COLUMN, SIZE, SMALL, Drawing, Sheet, text_width
from memr_cli.reporting.drawing.forest import Block, Row, forest, sheets
from memr_cli.reporting.drawing.palette import INK, MUTED, PAPER
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.ablation import Ablation, Worth
from memr_cli.results.evaluation import Evaluation
from memr_cli.vocabulary import MODALITIES

_ROW, _HEAD, _FOOT, _GAP = 0.3, 0.3, 0.42, 0.2


@dataclass(frozen=True)
class _Bar:
    """A modality, its value in percent or points, and the folds' own values."""

    modality: str
    value: float
    label: str
    folds: tuple[float, ...] = ()


def _gain_figure(group: Group, colours: Mapping[str, str]) -> Drawing | None:
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
    return sheet.finish("contributions", _caption(gains[0], shares[0], group), _alt(panels))


def _gains(early: Evaluation | None, single: Sequence[Evaluation]) -> tuple[list[_Bar], str]:
    """Early fusion's F1-micro less that of each modality, in points, fold by fold as well."""
    bars = []
    for result in single if early else ():
        if early is None:
            continue
        ours, theirs = early.metrics["f1_micro"], result.metrics["f1_micro"]
        if ours.mean is None or theirs.mean is None:
            return [], ""
        gain = 100 * (ours.mean - theirs.mean)
        pairs = zip(ours.folds, theirs.folds, strict=True)
        folds = tuple(100 * (a - b) for a, b in pairs if a is not None and b is not None)
        bars.append(_Bar(result.method, gain, _signed(gain), folds if len(folds) > 1 else ()))
    return bars, "gain of early fusion"


def _shares(single: Sequence[Evaluation]) -> tuple[list[_Bar], str]:
    """Each modality's F1-micro over the sum of those of all single modalities."""
    means = [result.metrics["f1_micro"].mean for result in single]
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
    return words.signed(points / 100)


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


def _shapley_figures(ablations: Sequence[Ablation], colours: Mapping[str, str]) -> list[Drawing]:
    """Draw the values of every ablated method below each other; nothing without one."""
    if not ablations:
        return []
    parts = sheets([_block(one, colours) for one in ablations])
    caption, synthetic = _shapley_caption(ablations), any(one.synthetic for one in ablations)
    drawings = []
    for number, blocks in enumerate(parts, start=1):
        sheet = forest(blocks, axis="accuracy (points)", heading="points", synthetic=synthetic)
        name = f"shapley-{number}" if len(parts) > 1 else "shapley"
        drawings.append(sheet.finish(name, caption, _shapley_alt(blocks)))
    return drawings


def _block(ablation: Ablation, colours: Mapping[str, str]) -> Block:
    values = ablation.shapley["accuracy"]
    retrained = (ablation.shapley_retrained or {}).get("accuracy", {})
    rows = []
    for name in ablation.modalities:
        value, beside = values[name], retrained.get(name)
        rows.append(
            Row(
                name,
                words.signed(value.value),
                None if value.value is None else 100 * value.value,
                value.ci95 and (100 * value.ci95[0], 100 * value.ci95[1]),
                colour=colours[name],
                stem=True,
                beside=None if beside is None or beside.value is None else 100 * beside.value,
            )
        )
    return Block(ablation.method, tuple(rows))


def _shapley_caption(ablations: Sequence[Ablation]) -> str:
    text = (
        "Shapley values: what each modality adds to accuracy, averaged over the orders in which "
        f"modalities can join, with 95{words.SPACE}% intervals. They sum to what the method gains "
        "over always answering the most frequent class of the training part."
    )
    if any(one.shapley_retrained for one in ablations):
        text += " Diamonds: the same where a model is trained anew for each subset."
    return text


def _shapley_alt(blocks: Sequence[Block]) -> str:
    parts = (
        f"{block.title}: " + ", ".join(f"{row.label} {row.text}" for row in block.rows)
        for block in blocks
    )
    return f"Bar chart of Shapley values in points of accuracy. {'; '.join(parts)}."


def _notes(ablations: Sequence[Ablation]) -> tuple[str, ...]:
    notes: dict[str, list[str]] = {}
    for one in ablations:
        for note in one.notes:
            notes.setdefault(words.plain(note), []).append(one.method)
    return tuple(f"{', '.join(methods)}: {note.rstrip('.')}." for note, methods in notes.items())


def _shapley_sentence(ablation: Ablation, group: Group) -> str:
    """Which modality is worth most, of how much."""
    values = ablation.shapley["accuracy"]
    known = {name: one for name, one in values.items() if one.value is not None}
    first, last = ablation.with_only().metrics["accuracy"], ablation.whole.metrics["accuracy"]
    if not known or first.mean is None or last.mean is None:
        return f"The worth of the modalities of {ablation.method} is undefined here."
    best = max(known, key=lambda name: known[name].value or 0.0)
    interval = known[best].ci95
    bounds = f" (95{words.SPACE}% interval {words.points(interval)})" if interval else ""
    return (
        f"Of the {words.percent(last.mean - first.mean)} points of accuracy that {ablation.method} "
        f"gains over always answering training's most frequent class "
        f"({words.percent(first.mean)}{words.SPACE}%), {best} brings the most: "
        f"{words.percent(known[best].value)}{bounds}.{_another_majority(group, first.mean)}"
    )


def _another_majority(group: Group, of_training: float) -> str:
    """That two baselines differ, where a reader would take them for one."""
    name, of_test = words.majority(group)
    if abs(of_test - of_training) <= 0.05:
        return ""
    where = "" if len(group.folds) == 1 else " in every fold"
    return (
        f" Training's most frequent class is not that of {words.test_part(group)}{where}: there, "
        f"always answering {name} would score {words.percent(of_test)}{words.SPACE}%."
    )


def _gain_sentence(group: Group) -> str:
    """How early fusion stands to the best of the single modalities."""
    scores = {
        one.method: one.metrics["f1_micro"].mean
        for one in group.results
        if one.is_unimodal or one.method == "early"
    }
    early = scores.pop("early", None)
    known = {name: score for name, score in scores.items() if score is not None}
    best = max(known, key=lambda name: known[name])
    if early is None:
        return f"Of the single modalities, {best} has the highest mean F1-micro."
    gain = words.signed(early - known[best])
    return (
        f"Early fusion's mean F1-micro is {gain} points from that of {best}, the best single "
        "modality."
    )


def _shapley_table(ablations: Sequence[Ablation]) -> Captioned:
    retrained = any(one.shapley_retrained for one in ablations)
    metrics = words.metric_names(MetricTable.ABLATE, *(one.shapley for one in ablations))
    names = tuple(map(words.heading, metrics.values()))
    head = ("Method", "Modality", *names)
    head += tuple(f"{name}, retrained" for name in names) * retrained
    rows = []
    for one in ablations:
        for name in one.modalities:
            tables = [one.shapley] + [one.shapley_retrained] * retrained
            cells = [_worth(table, metric, name) for table in tables for metric in metrics]
            rows.append((one.method, name, *cells))
    caption = f"Shapley values in points, with 95{words.SPACE}% intervals."
    return Captioned(Table(head, tuple(rows), left=2), "Shapley values", caption)


def _worth(table: Mapping[str, Mapping[str, Worth]] | None, metric: str, name: str) -> str:
    if table is None:
        return words.ABSENT
    value = table[metric][name]
    return f"{words.signed(value.value)} ({words.points(value.ci95)})"


def contributions(context: Context) -> list[Part]:
    """The contribution of each modality, where there is something to show."""
    group, ablations = context.group, context.studies.ablations
    gain = _gain_figure(group, context.colours)
    figures = (*_shapley_figures(ablations, context.colours), *([] if gain is None else [gain]))
    if not figures:
        return []
    sentence = " ".join(_shapley_sentence(one, group) for one in ablations) or _gain_sentence(group)
    tables = (_shapley_table(ablations),) * bool(ablations)
    title = "Contribution of modalities"
    return [Part("contributions", title, sentence, figures, tables, _notes(ablations))]
