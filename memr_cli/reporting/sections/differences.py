"""Paired differences between methods, with their intervals."""

from collections.abc import Collection, Sequence
from pathlib import PurePath

from memr_cli.evaluation.metrics import LABELS
from memr_cli.evaluation.metrics import Table as MetricTable
from memr_cli.reporting import words
from memr_cli.reporting.drawing.canvas import Drawing
from memr_cli.reporting.drawing.forest import Block, Row, forest, sheets
from memr_cli.reporting.drawing.palette import INK, MUTED
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.comparison import Comparison, Difference, Pair

MARKS = "* p < 0.05, ** p < 0.01, *** p < 0.001"
_MOST_PAIRS = 12


def _figures(comparison: Comparison, name: str) -> list[Drawing]:
    """Draw every pair, on one sheet or as many as they need to be readable.

    Where there are too many, a block for each metric shows how the others stand to one method.
    """
    if _is_large(comparison):
        parts = sheets([_beside_one(comparison, metric) for metric in _metrics(comparison)])
    else:
        parts = sheets([_block(pair) for pair in comparison.pairs])
    drawings = []
    for number, blocks in enumerate(parts, start=1):
        which = f" Part {number} of {len(parts)}." if len(parts) > 1 else ""
        sheet = forest(
            blocks, axis="difference (points)", heading="points", synthetic=comparison.synthetic
        )
        drawings.append(
            sheet.finish(
                f"{name}-{number}" if len(parts) > 1 else name,
                _figure_caption(comparison) + which,
                _alt(blocks),
            )
        )
    return drawings


def _block(pair: Pair) -> Block:
    rows = (_forest_row(LABELS[key], pair.metrics[key]) for key in LABELS if key in pair.metrics)
    return Block(_label(pair), tuple(rows))


def _beside_one(comparison: Comparison, metric: str) -> Block:
    title = f"{LABELS[metric]}, less that of {comparison.most_accurate}"
    rows = (_forest_row(pair.second, pair.metrics[metric]) for pair in shown_pairs(comparison))
    return Block(f"{title[0].upper()}{title[1:]}", tuple(rows))


def _forest_row(label: str, found: Difference) -> Row:
    interval = found.ci95 and (100 * found.ci95[0], 100 * found.ci95[1])
    return Row(
        label,
        words.signed(found.difference),
        100 * found.difference,
        interval,
        colour=INK if found.is_established else MUTED,
        sure=found.is_established,
        marks=_marks(found),
    )


def _figure_caption(comparison: Comparison) -> str:
    what = words.listed(_metrics(comparison).values())
    n = words.counted(comparison.n, "utterance")
    first = "the method named first"
    whose = ""
    if _is_large(comparison):
        first = "a method"
        whose = f" of each method from {comparison.most_accurate}, the most accurate here"
    return (
        f"Differences in {what}{whose}, in points, over the {n} that all these methods scored, "
        f"with 95{words.SPACE}% intervals. Right of the line {first} scores higher. "
        f"Stars rest on the permutation test alone: {MARKS} after Holm's correction. They are in "
        "brackets where the interval reaches 0; filled points have stars without brackets."
    )


def _alt(blocks: Sequence[Block]) -> str:
    parts = []
    for block in blocks:
        rows = ", ".join(f"{row.label} {row.text}{row.marks}{_bounds(row)}" for row in block.rows)
        parts.append(f"{block.title}: {rows}")
    return f"Forest plot of differences in points. {'; '.join(parts)}."


def _bounds(row: Row) -> str:
    return "" if row.interval is None else f" ({row.interval[0]:.1f} to {row.interval[1]:.1f})"


def differences(context: Context) -> list[Part]:
    """One part for each comparison; where there are several, the title names the methods."""
    comparisons = context.studies.comparisons
    found = []
    for number, one in enumerate(comparisons, start=1):
        several = words.counted(len(one.methods), "method")
        of_what = several if _is_large(one) else ", ".join(x.label for x in one.methods)
        name = f"differences-{number}" if len(comparisons) > 1 else "differences"
        found.append(
            Part(
                key=name,
                title="Paired differences" + (f": {of_what}" if len(comparisons) > 1 else ""),
                sentence=sentence(one),
                figures=tuple(_figures(one, name)),
                tables=(_table(one), *[_matrix(one)] * _is_large(one)),
                lines=tuple(_lines(one)),
                paper=(for_paper(one),),
            )
        )
    return found


def _metrics(comparison: Comparison) -> dict[str, str]:
    return words.metric_names(MetricTable.COMPARE, comparison.pairs[0].metrics)


def _is_large(comparison: Comparison) -> bool:
    """Whether there are more pairs than a reader can look at one by one."""
    return len(comparison.pairs) > _MOST_PAIRS


def shown_pairs(comparison: Comparison) -> tuple[Pair, ...]:
    """The pairs to show: all, or of too many those of the most accurate method."""
    if not _is_large(comparison):
        return comparison.pairs
    one = comparison.most_accurate
    return tuple(pair.against(one) for pair in comparison.pairs if one in (pair.first, pair.second))


def _label(pair: Pair) -> str:
    """The minuend first."""
    return f"{pair.second} \N{MINUS SIGN} {pair.first}"


def _marks(found: Difference) -> str:
    """Stars for p after Holm's correction, in brackets where the interval reaches 0."""
    stars = "*" * sum(found.p_holm < level for level in (0.05, 0.01, 0.001))
    return f"({stars})" if stars and found.reaches_zero else stars


def _clusters(comparison: Comparison) -> str:
    """The clusters of the bootstrap: `3 sessions, then the 90 dialogues in them`."""
    own = comparison.clusters
    outer = f"{own.n} {own.kind}"
    return f"{outer}, then the {own.dialogues} dialogues in them" if own.dialogues else outer


def sentence(comparison: Comparison) -> str:
    """How many pairs differ in accuracy, and which most."""
    if len(comparison.pairs) == 1 and comparison.pairs[0].sentence:
        return _whole(comparison.pairs[0].sentence)
    found = [
        (pair, pair.metrics["accuracy"])
        for pair in comparison.pairs
        if pair.metrics["accuracy"].difference is not None
    ]
    apart = [pair for pair, difference in found if difference.is_significant]
    total = words.counted(len(comparison.pairs), "pair")
    if not apart:
        none = f"In accuracy, none of {total} differs at p < 0.05 after Holm's correction."
        return f"{none}{_chosen(comparison)}"
    largest = max(apart, key=lambda pair: abs(pair.metrics["accuracy"].difference or 0.0))
    verb = "differs" if len(apart) == 1 else "differ"
    points = words.signed(largest.metrics["accuracy"].difference)
    reaching = sum(pair.metrics["accuracy"].reaches_zero for pair in apart)
    unsure = f" In {reaching} of these the interval reaches 0." if reaching else ""
    return (
        f"In accuracy, {len(apart)} of {total} {verb} at p < 0.05 after Holm's correction; the "
        f"largest such difference is {_label(largest)}: {points} points.{unsure}"
        f"{_chosen(comparison)}"
    )


def _chosen(comparison: Comparison) -> str:
    if not _is_large(comparison):
        return ""
    return (
        f" Only pairs with {comparison.most_accurate}, the most accurate method here, are shown "
        "one by one; the correction covers all pairs."
    )


def _lines(comparison: Comparison) -> list[str]:
    """Every pair in words, where the sentence does not say it already, and the notes."""
    pairs = shown_pairs(comparison) if len(comparison.pairs) > 1 else ()
    lines = [_whole(pair.sentence) for pair in pairs if pair.sentence]
    if comparison.left_out:
        left_out = words.counted(comparison.left_out, "utterance")
        lines.append(f"Scored by some of these methods and not by all, so left out: {left_out}.")
    return [*lines, *map(_whole, comparison.notes)]


def _whole(text: str) -> str:
    """`text` with a full stop."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _table(comparison: Comparison) -> Captioned:
    head = ("Pair", "Metric", "Difference", "95 % interval", "p", "p (Holm)", "p (t-test)")
    rows = tuple(
        (_label(pair), name, *_cells(pair.metrics[key]))
        for pair in shown_pairs(comparison)
        for key, name in _metrics(comparison).items()
    )
    return Captioned(Table(head, rows, left=2), "Paired differences", _how(comparison))


def _matrix(comparison: Comparison) -> Captioned:
    """Every pair in accuracy, a row and a column for each method."""
    labels = [method.label for method in comparison.methods]
    found = {}
    for pair in comparison.pairs:
        for one in (pair.against(pair.first), pair.against(pair.second)):
            accuracy = one.metrics["accuracy"]
            found[one.second, one.first] = f"{words.signed(accuracy.difference)}{_marks(accuracy)}"
    rows = tuple(
        (row, *(found.get((row, column), words.ABSENT) for column in labels)) for row in labels
    )
    caption = (
        f"Differences in accuracy in points, the method of the row less that of the column. "
        f"{MARKS} in the permutation test after Holm's correction over all pairs, {_BRACKETS}. "
        f"Intervals, p and other metrics of every pair: comparisons/{comparison.protocol.name}/"
        f"{PurePath(comparison.files.comparison).name}."
    )
    return Captioned(Table(("Method", *labels), rows), "Every pair in accuracy", caption)


def _cells(found: Difference) -> tuple[str, ...]:
    return (
        f"{words.signed(found.difference, 2)}{_marks(found)}",
        words.points(found.ci95),
        words.p_value(found.p),
        words.p_value(found.p_holm),
        words.p_value(found.t.p),
    )


_BRACKETS = "in brackets where the interval reaches 0"


def _what(comparison: Comparison) -> str:
    """What the differences and intervals are of, and where they come from."""
    clusters = f" that resamples {_clusters(comparison)}" if _clusters(comparison) else ""
    return (
        "Differences in points, the method named first less the other, over the "
        f"{words.counted(comparison.n, 'utterance')} that all of them scored. 95{words.SPACE}% "
        f"intervals: bootstrap{clusters}."
    )


def _how(comparison: Comparison) -> str:
    return (
        f"{_what(comparison)} p: permutation of whole dialogues; Holm's correction runs within "
        "each metric. t-test: corrected resampled t-test over folds (Nadeau and Bengio 2003), not "
        f"corrected for the number of pairs. {MARKS} in the permutation test after Holm's "
        f"correction, {_BRACKETS}."
    )


def for_paper(comparison: Comparison) -> Captioned:
    """The same for LaTeX, a row a pair: differences with their intervals in brackets and marks."""
    head = ("Pair", *(name[0].upper() + name[1:] for name in _metrics(comparison).values()))
    rows = tuple(
        (_label(pair), *_short(pair, _metrics(comparison))) for pair in shown_pairs(comparison)
    )
    caption = (
        f"{_what(comparison)} {MARKS} in a permutation test of whole dialogues, after Holm's "
        f"correction within each metric over {words.counted(len(comparison.pairs), 'pair')}, "
        f"{_BRACKETS}."
    )
    return Captioned(Table(head, rows), "differences", caption)


def _short(pair: Pair, metrics: Collection[str]) -> list[str]:
    found = (pair.metrics[name] for name in metrics)
    return [f"{words.signed(x.difference)} ({words.points(x.ci95)}){_marks(x)}" for x in found]
