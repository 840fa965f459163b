"""Paired differences between methods with their intervals."""

from collections.abc import Sequence

from memr_cli.reporting import words
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.figures.forest import Block, Row, forest, sheets
from memr_cli.reporting.figures.palette import INK, MUTED
from memr_cli.reporting.studies.comparison import MARKS, METRICS, Comparison, Difference, Pair


def differences(comparison: Comparison, name: str) -> list[Drawing]:
    """Draw every pair, on one sheet or as many as they need to be readable.

    Where there are too many, a block for each metric shows how the others stand to one method.
    """
    if comparison.is_large:
        parts = sheets([_beside_one(comparison, metric) for metric in METRICS])
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
                _caption(comparison) + which,
                _alt(blocks),
                part=f"differences/{comparison.path.stem}",
            )
        )
    return drawings


def _block(pair: Pair) -> Block:
    rows = (_row(METRICS[name], found) for name, found in pair.metrics.items())
    return Block(pair.label, tuple(rows))


def _beside_one(comparison: Comparison, metric: str) -> Block:
    title = f"{METRICS[metric]}, less that of {comparison.reference}"
    rows = (_row(pair.second, pair.metrics[metric]) for pair in comparison.shown)
    return Block(f"{title[0].upper()}{title[1:]}", tuple(rows))


def _row(label: str, found: Difference) -> Row:
    interval = found.ci95 and (100 * found.ci95[0], 100 * found.ci95[1])
    return Row(
        label,
        words.signed(found.difference),
        None if found.difference is None else 100 * found.difference,
        interval,
        colour=INK if found.stands else MUTED,
        sure=found.stands,
        marks=found.marks,
    )


def _caption(comparison: Comparison) -> str:
    what = words.listed(METRICS.values())
    n = words.counted(comparison.n, "utterance")
    first = "the method named first"
    whose = ""
    if comparison.is_large:
        first = "a method"
        whose = f" of each method from {comparison.reference}, the most accurate here"
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
