"""Modality weights: by utterance and class, and those that combinations learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from matplotlib.axes import Axes

from memr_cli.reporting import words
from memr_cli.reporting.drawing import legend
from memr_cli.reporting.drawing.canvas import (
    COLUMN,
    SIZE,
    SMALL,
    Drawing,
    Sheet,
    shortened,
    text_width,
)
from memr_cli.reporting.drawing.forest import sheets
from memr_cli.reporting.drawing.palette import MUTED, PAPER, RULE
from memr_cli.reporting.groups import Group
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.evaluation import Evaluation, ModalityWeights
from memr_cli.vocabulary import MODALITIES, ordered_modalities

Weights = Mapping[str, float]
"""By modality; of one utterance, or as a mean of several, they sum to 1."""


@dataclass(frozen=True)
class MeanWeights:
    """Means over the `n` predictions of utterances that have all G modalities.

    by_class: how many predictions and their means by true class, of the classes that have any.
    """

    modalities: tuple[str, ...]
    n: int
    mean: Weights
    by_class: Mapping[str, tuple[int, Weights]]

    @classmethod
    def of(cls, found: ModalityWeights | None) -> "MeanWeights | None":
        """Return the means of a result; None where no utterance has every modality."""
        if found is None or not found.n:
            return None
        names = found.modalities
        return cls(
            modalities=names,
            n=found.n,
            mean={name: found.mean[name] for name in names},
            by_class={
                label: (int(one["n"]), {name: one[name] for name in names})
                for label, one in found.by_class.items()
                if one.get("n")
            },
        )

    def ends(self, modality: str) -> tuple[tuple[float, str], tuple[float, str]]:
        """The lowest and the highest mean weight of a modality, each with its class."""
        found = [(weights[modality], label) for label, (_, weights) in self.by_class.items()]
        return min(found), max(found)


def _weighing(group: Group) -> list[tuple[str, MeanWeights]]:
    """The methods that weigh modalities by utterance, with their mean weights."""
    found = ((one.method, MeanWeights.of(one.modality_weights or None)) for one in group.results)
    return [(method, one) for method, one in found if one is not None]


_ROW, _TITLE, _SPACE = 0.165, 0.2, 0.09


_TOP, _FOOT = 0.05, 0.4


_WIDEST_LABEL = 1.0


_MARKERS = dict(zip(MODALITIES, ("o", "s", "^"), strict=True))


_OTHER_MARKERS = ("D", "v", "P", "X", "<", ">")


ALL = "all classes"


@dataclass(frozen=True)
class _Block:
    """One method: a row for all classes together, and one for each that has any."""

    method: str
    equal: float
    rows: tuple[tuple[str, Weights], ...]

    @property
    def height(self) -> float:
        return _TITLE + _ROW * len(self.rows) + _SPACE


def _figures(group: Group, colours: Mapping[str, str]) -> list[Drawing]:
    """Draw every method that weighs, on one sheet or as many as they need; nothing without one."""
    blocks = [_block(method, given, group.class_names) for method, given in _weighing(group)]
    if not blocks:
        return []
    parts = sheets(blocks)
    drawings = []
    for number, part in enumerate(parts, start=1):
        several = len(parts) > 1
        which = f" Part {number} of {len(parts)}." if several else ""
        name = f"weights-{number}" if several else "weights"
        sheet = _draw(part, colours, synthetic=group.synthetic)
        drawings.append(sheet.finish(name, _CAPTION + which, _alt(part)))
    return drawings


def _block(method: str, found: MeanWeights, class_names: Sequence[str]) -> _Block:
    by_class = found.by_class
    rows = [(name, by_class[name][1]) for name in class_names if name in by_class]
    return _Block(method, 1 / len(found.modalities), ((ALL, found.mean), *rows))


def markers_of(names: Sequence[str]) -> list[str]:
    """Return a marker for each modality; the standard three have the same in every report."""
    others = cycle(_OTHER_MARKERS)
    return [_MARKERS[name] if name in _MARKERS else next(others) for name in names]


def _draw(blocks: Sequence[_Block], colours: Mapping[str, str], *, synthetic: bool) -> Sheet:
    used = {name for block in blocks for _, given in block.rows for name in given}
    names = ordered_modalities(used)
    markers = dict(zip(names, markers_of(names), strict=True))
    labels = [label for block in blocks for label, _ in block.rows]
    label = min(max(text_width(name, SMALL) for name in labels), _WIDEST_LABEL) + 0.2
    broken = legend.lines(names, COLUMN)
    head, height = _TOP + legend.LINE * len(broken) + 0.04, sum(block.height for block in blocks)
    sheet = Sheet(COLUMN, head + height + _FOOT, synthetic=synthetic)
    legend.draw(sheet, broken, colours, top=_TOP, markers=markers)
    axes = sheet.axes(label, head, COLUMN - label - 0.14, height)
    axes.set(xlim=(0, _most(blocks)), ylim=(height, 0), xlabel="mean weight")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.locator_params(axis="x", nbins=6)
    top = 0.0
    for block in blocks:
        _draw_block(sheet, axes, block, (head, top, label), colours, markers)
        top += block.height
    return sheet


def _draw_block(
    sheet: Sheet,
    axes: Axes,
    block: _Block,
    place: tuple[float, float, float],
    colours: Mapping[str, str],
    markers: Mapping[str, str],
) -> None:
    """place: where the axes start, where the block in them does, and the room for names."""
    head, top, label = place
    # Paper behind the name, which may reach into the grid.
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.8}
    title = shortened(block.method, COLUMN - 0.1, SIZE)
    sheet.text(0.04, head + top + _TITLE / 2, title, va="center_baseline", bbox=paper)
    ends = [top + _TITLE, top + _TITLE + _ROW * len(block.rows)]
    axes.plot([block.equal] * 2, ends, color=MUTED, lw=0.9, ls=(0, (4, 3)), zorder=1.5)
    for number, (name, given) in enumerate(block.rows):
        middle = ends[0] + (number + 0.5) * _ROW
        axes.axhline(middle, color=RULE, lw=0.6, zorder=1)
        text, colour = shortened(name, label - 0.16, SMALL), MUTED
        sheet.text(0.12, head + middle, text, size=SMALL, color=colour, va="center_baseline")
        for modality, weight in given.items():
            axes.plot(
                weight,
                middle,
                markers[modality],
                ms=4.8,
                color=colours[modality],
                mec=PAPER,
                mew=0.5,
                zorder=3,
            )


def _most(blocks: Sequence[_Block]) -> float:
    """Where the axis ends: past the largest weight, with some air."""
    rows = [(block.equal, *given.values()) for block in blocks for _, given in block.rows]
    return 1.06 * max(max(row) for row in rows)


_CAPTION = (
    "Mean weight of each modality, for all utterances and by true class, over predictions of "
    "utterances that have every modality of the method; the weights of one utterance sum to 1. "
    "The dashed line is where all would weigh the same."
)


def _alt(blocks: Sequence[_Block]) -> str:
    parts = []
    for block in blocks:
        rows = "; ".join(f"{name}: {said(given)}" for name, given in block.rows)
        parts.append(f"{block.method}, {rows}")
    return f"Dot plot of mean weights. {'. '.join(parts)}."


def said(given: Weights) -> str:
    """`acoustic 0.41, lexical 0.59`."""
    return ", ".join(f"{name} {weight:.2f}" for name, weight in given.items())


_MEANING = (
    "A weight says how much of what a method makes of a modality goes into its decision. It does "
    "not explain the decision, and names no cause: modalities that carry the same can stand in for "
    "each other, and models of equal scores may weigh them otherwise. What a modality is worth is "
    "told by scores without it."
)


def weights(context: Context) -> list[Part]:
    """Weights by emotion, and weights of combinations, each where a method has them."""
    group = context.group
    weighing = _weighing(group)
    learned = [one for one in group.results if one.fusion]
    found = []
    if weighing:
        sentence = " ".join(_sentence(method, given) for method, given in weighing)
        drawn, table = tuple(_figures(group, context.colours)), _by_class(group, weighing)
        title = "Weights of modalities by emotion"
        found.append(Part("weights", title, sentence, drawn, (table,), (_MEANING,)))
    if learned:
        sentence = " ".join(map(_learned_sentence, learned))
        weighted = [one for one in learned if _fitted_weights(one)]
        tables = (_fitted(weighted),) * bool(weighted)
        found.append(Part("fusion", "What combinations learned", sentence, (), tables))
    return found


def _sentence(method: str, given: MeanWeights) -> str:
    """Which modality weighs most, and between which classes that varies."""
    first = max(given.mean, key=lambda name: given.mean[name])
    text = f"{method} gives {first} the most weight, {given.mean[first]:.2f} on average"
    if len(given.by_class) > 1:
        (low, lowest), (high, highest) = given.ends(first)
        text += f", from {low:.2f} ({lowest}) to {high:.2f} ({highest})"
    return f"{text}."


def _by_class(group: Group, weighing: Sequence[tuple[str, MeanWeights]]) -> Captioned:
    names = list(dict.fromkeys(name for _, given in weighing for name in given.modalities))
    rows = []
    for method, given in weighing:
        rows.append((method, "all", words.whole(given.n), *_cells(names, given.mean)))
        for label in group.class_names:
            if label in given.by_class:
                n, mean = given.by_class[label]
                rows.append((method, label, words.whole(n), *_cells(names, mean)))
    caption = (
        "Mean weights over the predictions of utterances that have every modality of the method, "
        "by true class. n: predictions, one for each utterance"
        f"{' and seed' if any(_runs(group, method) > 1 for method, _ in weighing) else ''}."
    )
    table = Table(("Method", "Class", "n", *names), tuple(rows), left=2)
    return Captioned(table, "Weights of modalities", caption)


def _runs(group: Group, method: str) -> int:
    result = group.get(method)
    return 1 if result is None else result.runs


def _cells(names: Sequence[str], given: Weights) -> list[str]:
    return [f"{given[name]:.3f}" if name in given else words.ABSENT for name in names]


def _learned_sentence(one: Evaluation) -> str:
    """From how much a combination learned what it weighs."""
    rows = [fold.n for fold in one.fusion or ()]
    least, most = words.whole(min(rows)), words.whole(max(rows))
    extent = most if least == most else f"{least} to {most}"
    text = f"{one.method} is fitted in each fold on {extent} validation rows"
    lacking = sum(not fold.fitted for fold in one.fusion or ())
    if lacking:
        text += f" (too few to learn from in {lacking} of {words.counted(len(rows), 'fit')})"
    weights = _fitted_weights(one)
    if not weights:
        return f"{text}; what it learned is in its metrics file."
    means = {name: sum(values) / len(values) for name, values in weights.items()}
    told = words.listed(f"{name} {mean:.2f}" for name, mean in means.items())
    return f"{text}, and weighs on average {told}."


def _fitted_weights(one: Evaluation) -> dict[str, list[float]]:
    """By modality, the weights of all folds and seeds; empty where it learned others."""
    found: dict[str, list[float]] = {}
    for fold in one.fusion or ():
        learned = fold.parameters.get("weights")
        for name, weight in learned.items() if isinstance(learned, dict) else ():
            found.setdefault(name, []).append(weight)
    return found


def _fitted(learned: Sequence[Evaluation]) -> Captioned:
    rows = [
        (
            *(one.method, name, f"{sum(values) / len(values):.3f}"),
            f"{min(values):.3f} to {max(values):.3f}",
            words.whole(len(values)),
        )
        for one in learned
        for name, values in _fitted_weights(one).items()
    ]
    head = ("Method", "Modality", "Mean weight", "Range", "Fits")
    caption = (
        "One weight for each modality, fitted on validation rows that the members had not been "
        "trained on: mean and range over fits, one for each fold and seed."
    )
    return Captioned(Table(head, tuple(rows), left=2), "Fitted weights", caption, folded=False)
