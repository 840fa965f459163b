"""F1 of every class by method: in groups of bars, or in a grid for many methods."""

from collections.abc import Mapping, Sequence

from memr_cli.reporting import words
from memr_cli.reporting.drawing import legend
from memr_cli.reporting.drawing.canvas import (
    COLUMN,
    PAGE,
    TALLEST,
    TINY,
    Drawing,
    Number,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.drawing.heat import SHADE, Band, Line, heat
from memr_cli.reporting.drawing.palette import MUTED
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.evaluation import ClassScore, Evaluation

_BAR, _SPACE, _HEAD, _FOOT = 0.115, 0.13, 0.08, 0.42


def _figure(group: Group, colours: Mapping[str, str]) -> Drawing:
    """Draw F1 by class and method: one column of classes, two where one would be too tall."""
    if group.is_crowded:
        return _heat(group)
    names = group.class_names
    block = _BAR * len(group.results) + _SPACE
    columns = 1 if len(names) * block <= TALLEST / 2 else 2
    width = COLUMN if columns == 1 else PAGE
    rows = -(-len(names) // columns)
    broken = legend.lines(group.methods, width)
    head = _HEAD + legend.LINE * len(broken) + 0.06
    sheet = Sheet(width, head + rows * block + _FOOT, synthetic=group.synthetic)
    legend.draw(sheet, broken, colours, top=_HEAD)
    label = min(max(text_width(name) for name in names), 1.0) + 0.12
    for column in range(columns):
        part = names[column * rows : (column + 1) * rows]
        left = column * width / columns + label
        place = (left, head, width / columns - label - 0.24, len(part) * block)
        _draw_classes(sheet, place, part, group.results, colours)
    return sheet.finish("per-class-f1", _caption(group), _alt(group, "Grouped bars"))


def _heat(group: Group) -> Drawing:
    lines = [
        Line(one.method, tuple(one.per_class[name].f1 for name in group.class_names))
        for one in group.results
    ]
    sheet = heat([Band("", tuple(lines))], group.class_names, end="", synthetic=group.synthetic)
    caption = f"F1 in percent by method and class, over all test utterances at once. {SHADE}."
    return sheet.finish("per-class-f1", caption, _alt(group, "Grid"))


def _draw_classes(
    sheet: Sheet,
    place: tuple[float, float, float, float],
    names: Sequence[str],
    results: Sequence[Evaluation],
    colours: Mapping[str, str],
) -> None:
    """One column of classes. place: left, top, width and height in inches."""
    left, top, width, height = place
    axes = sheet.axes(left, top, width, height)
    axes.set(xlim=(0, 100), ylim=(height, 0), xlabel="F1 (%)")
    block = height / len(names)
    labels = [shortened(name, 1.0) for name in names]
    axes.set_yticks([(row + 0.5) * block for row in range(len(names))], labels)
    axes.grid(axis="x")
    numbers = []
    for number, result in enumerate(results):
        scores = [result.per_class[name].f1 for name in names]
        values = [100 * (f1 or 0.0) for f1 in scores]
        start = _SPACE / 2 + _BAR * (number + 0.5)
        middles = [row * block + start for row in range(len(names))]
        axes.barh(middles, values, height=0.86 * _BAR, color=colours[result.method])
        for f1, value, middle in zip(scores, values, middles, strict=True):
            text = words.percent(f1, 0)
            end = left + width * value / 100 + 0.03 + text_width(text, TINY) / 2
            numbers.append(Number(text, end, top + middle, TINY, MUTED))
    sheet.numbers(numbers)


def _caption(group: Group) -> str:
    return (
        "F1 by class and method, over all test utterances at once. Bars in each class are in the "
        f"order of the legend: {words.listed(group.methods)}."
    )


def _alt(group: Group, kind: str) -> str:
    parts = []
    for name in group.class_names:
        scores = (f"{r.method} {words.percent(r.per_class[name].f1, 0)}" for r in group.results)
        parts.append(f"{name}: {', '.join(scores)}")
    return f"{kind} of F1 in percent. {'; '.join(parts)}."


def _per_class_caption(group: Group) -> str:
    seeds = words.counted_by_seed(group)
    counted = " n counts an utterance once for each seed." if group.reference.runs > 1 else ""
    return (
        "F1 of each class in percent, with precision and recall in brackets, over all test "
        f"utterances at once{f', {seeds}' if seeds else ''}.{counted}"
    )


def _table(group: Group) -> Table:
    """A column for each method, or a row where there are more methods than fit beside another."""
    names, results = group.class_names, group.results
    cells = [[_class_cell(result.per_class[name]) for result in results] for name in names]
    n = [words.whole(group.reference.per_class[name].support) for name in names]
    if not group.is_crowded:
        rows = zip(names, n, *zip(*cells, strict=True), strict=True)
        return Table(("Class", "n", *group.methods), tuple(rows))
    by_method = zip(group.methods, *cells, strict=True)
    return Table(("Method", *names), (("n", *n), *by_method))


def _class_cell(score: ClassScore) -> str:
    shares = f"{words.percent(score.precision, 0)}/{words.percent(score.recall, 0)}"
    return f"{words.percent(score.f1)} ({shares})"


def per_class(context: Context) -> list[Part]:
    """F1 of every class by method, with precision and recall in a table."""
    group = context.group
    figure = _figure(group, context.colours)
    table = Captioned(_table(group), "Scores by class", _per_class_caption(group))
    return [Part("classes", "Classes", _sentence(group), (figure,), (table,))]


def _sentence(group: Group) -> str:
    """The classes that the best method recognises best and worst."""
    best = max(group.results, key=lambda one: one.metrics["f1_micro"].mean or 0.0)
    scores = {name: best.per_class[name].f1 for name in group.class_names}
    high, low = (choose(scores, key=lambda name: scores[name]) for choose in (max, min))
    return (
        f"{best.method} recognises {high} best (F1 {words.percent(scores[high])}{words.SPACE}%) "
        f"and {low} worst ({words.percent(scores[low])}{words.SPACE}%)."
    )
