"""Validation rows: an inner cut of the training rows along whole units, to choose the epoch.

A unit is the smallest set of rows that is never divided: a group of speakers linked by shared
dialogues, so that no dialogue reaches both sides of the cut. Where the training rows make a single
such group, speakers are the units, then dialogues, then blocks of rows; `shared_by_validation`
names in words what then reaches both sides.

Letters: N utterances of the corpus, n training rows, U units, C classes, M candidates.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.columns import NONE, Columns, Rows

UnitKind = Literal["linked speakers", "speakers", "dialogues", "rows"]
Split = tuple[Rows, Rows]
"""(rows to fit on, rows to validate on), disjoint."""

VALIDATION_SHARE = 0.2
"""About this share of the training rows chooses the epoch."""

# A candidate whose distance from the target exceeds the best one's by up to this share of the
# training rows is as good, so that different speakers choose the epoch in different folds.
_SLACK = 0.1
_MOST_CANDIDATES = 64
_ROW_BLOCKS = 20


@dataclass(frozen=True, eq=False)
class Units:
    """The units of n training rows: `code` (n,) in 0..U-1, each of which occurs."""

    code: NDArray[np.int64]
    kind: UnitKind

    @property
    def count(self) -> int:
        """U, the number of units."""
        return int(self.code.max()) + 1


def units(rows: Rows, columns: Columns) -> Units:
    """Cut n training rows, two or more, into units of the coarsest kind that gives two."""
    candidates: tuple[tuple[UnitKind, NDArray[Any]], ...] = (
        ("linked speakers", _linked_speakers(rows, columns)),
        ("speakers", columns.speaker[rows]),
        ("dialogues", columns.dialogue[rows]),
    )
    for kind, key in candidates:
        code = np.unique(key, return_inverse=True)[1]
        if code.any():
            return Units(code.astype(np.int64), kind)
    # Blocks are dealt out within each class, so that every block looks like the whole.
    code = np.empty(rows.size, np.int64)
    code[np.argsort(columns.label[rows], kind="stable")] = np.arange(rows.size) % _ROW_BLOCKS
    return Units(code, "rows")


def _linked_speakers(rows: Rows, columns: Columns) -> NDArray[np.integer[Any]]:
    """Return (n,) for each row the group of its speaker: speakers linked by dialogues share one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linked = rows[columns.dialogue[rows] != NONE]
    if not linked.size:
        return columns.speaker[rows]
    # Speakers and dialogues are the nodes of one graph; every row is an edge between two.
    n_speakers = len(columns.speaker_names)
    edges = (columns.speaker[linked], n_speakers + columns.dialogue[linked].astype(np.int64))
    n_nodes = int(edges[1].max()) + 1
    graph = coo_array((np.ones(linked.size, np.bool_), edges), shape=(n_nodes, n_nodes))
    group: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return group[columns.speaker[rows]]


def hold_out(
    rows: Rows, columns: Columns, *, share: float, index: int, used: NDArray[np.int64]
) -> Split:
    """Hold whole units out of the training rows, near `share` of them, to choose the epoch.

    Of the candidates that leave the fewest classes without a row to fit on, those within a tenth of
    the rows of the one nearest to the target count as equal; among equals those win whose rows were
    `used` (N,) least often in the folds before, then the first in an order that `index`, the number
    of the fold, rotates. At least one unit stays on each side. Deterministic.
    """
    cut = units(rows, columns)
    sizes = np.bincount(cut.code)
    target = share * rows.size
    options = _candidates(sizes, target, share, index)
    held = options @ sizes
    distance = np.abs(held - target)

    classes = np.zeros((cut.count, int(columns.label[rows].max()) + 1), np.int64)
    np.add.at(classes, (cut.code, columns.label[rows]), 1)
    left = classes.sum(axis=0) - options.astype(np.int64) @ classes  # (M, C) rows left to fit on
    lost = ((left == 0) & (classes.sum(axis=0) > 0)).sum(axis=1)

    good = lost == lost.min()
    good &= distance <= distance[good].min() + _SLACK * rows.size
    usage = options @ np.bincount(cut.code, weights=used[rows]) / held
    chosen = options[np.argmin(np.where(good, usage, np.inf))]
    inside = chosen[cut.code]
    return rows[~inside], rows[inside]


def _candidates(
    sizes: NDArray[np.int64], target: float, share: float, index: int
) -> NDArray[np.bool_]:
    """Return (M, U) sets of units, one for each first unit, grown while that nears the target."""
    count = sizes.size
    # Every fifth unit (for a share of 0.2) comes first, because neighbours in the alphabet are
    # often of one kind: F01, F02, F03, ...
    step = max(1, round(1 / share))
    order = np.roll(np.lexsort((np.arange(count), np.arange(count) % step)), -(index % count))
    starts = range(0, count, -(-count // _MOST_CANDIDATES))
    options = np.zeros((len(starts), count), bool)
    for option, start in zip(options, starts, strict=True):
        total = 0
        for unit in np.roll(order, -start):
            grown = total + int(sizes[unit])
            if total == 0 or abs(grown - target) < abs(total - target):
                option[unit] = True
                total = grown
            if total >= target or option.sum() == count - 1:
                break
    return options


def shared_by_validation(fit: Rows, validation: Rows, columns: Columns) -> tuple[str, ...]:
    """Return notes on what validation shares with the rows fitted on, and what these lack."""
    notes = []
    if _overlap(columns.dialogue, fit, validation):
        notes.append(
            "validation shares dialogues with the rows that the epoch-choosing model is fitted on"
        )
    if _overlap(columns.speaker, fit, validation):
        notes.append(
            "validation shares speakers with the rows that the epoch-choosing model is fitted on"
        )
    if not np.isin(columns.label[validation], columns.label[fit]).all():
        notes.append("a class occurs among the validation rows that the rows fitted on lack")
    return tuple(notes)


def _overlap(codes: NDArray[np.integer[Any]], a: Rows, b: Rows) -> bool:
    return bool(np.setdiff1d(np.intersect1d(codes[a], codes[b]), [NONE]).size)
