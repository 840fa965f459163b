"""Finished cells in rows, for every format alike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells by row; the first cell of a row is its header, the first `left` cells are words.

    best: row and column of the cells that hold the best value of their column.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    best: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Captioned:
    """A table with its name and the meaning of its columns.

    A `folded` one repeats the numbers of a figure; a page shows it on request.
    """

    table: Table
    label: str
    caption: str
    folded: bool = True
