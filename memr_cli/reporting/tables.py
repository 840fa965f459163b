"""Finished cells in rows, for every format alike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells by row; the first cell of a row is its header, the first `left` cells are words."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


@dataclass(frozen=True)
class Captioned:
    """A table with its name and what its columns mean.

    A `folded` one repeats the numbers of a figure, so a page shows it when asked to.
    """

    table: Table
    label: str
    caption: str
    folded: bool = True
