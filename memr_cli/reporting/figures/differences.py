"""Paired differences between methods with their intervals."""

from collections.abc import Sequence

from memr_cli.reporting import words
from memr_cli.reporting.figures.canvas import Drawing
from memr_cli.reporting.figures.forest import Block, Row, forest, sheets
from memr_cli.reporting.figures.palette import INK, MUTED
from memr_cli.reporting.studies.comparison import MARKS, METRICS, Comparison, Difference, Pair

MOST_PAIRS = 12
"""With more pairs than this the figure shows accuracy alone."""


def differences(comparison: Comparison, name: str) -> list[Drawing]:
    """Draw every pair, on one sheet or as many as they need to be readable."""
    shown = [*METRICS] if len(comparison.pairs) <= MOST_PAIRS else ["accuracy"]
    parts = sheets([_block(pair, shown) for pair in comparison.pairs])
    drawings = []
    for number, blocks in enumerate(parts, start=1):
        which = f" Part {number} of {len(parts)}." if len(parts) > 1 else ""
        sheet = forest(
            blocks, axis="difference (points)", heading="points", synthetic=comparison.synthetic
        )
        drawings.append(
            sheet.finish(
                f"{name}-{number}" if len(parts) > 1 else name,
                _caption(comparison, shown) + which,
                _alt(blocks),
                part=f"differences/{comparison.path.stem}",
            )
        )
    return drawings


def _block(pair: Pair, shown: Sequence[str]) -> Block:
    return Block(pair.label, tuple(_row(METRICS[name], pair.metrics[name]) for name in shown))


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


def _caption(comparison: Comparison, shown: Sequence[str]) -> str:
    what = words.listed(METRICS[name] for name in shown)
    n = words.counted(comparison.n, "utterance")
    return (
        f"Differences in {what}, in points, over the {n} that all these methods scored, with 95"
        f"{words.SPACE}% intervals. Right of the line the method named first scores higher. "
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
