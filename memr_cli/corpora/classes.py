"""Class names, and labels that are positions among them or names.

Shapes: C classes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memr_cli.corpora import iemocap
from memr_cli.corpora.listing import Listing, name_problem
from memr_cli.errors import InputError
from memr_cli.files.visible import enumerate_names, quote, show

MAX_CLASSES = 1000
"""A column with more distinct values is not one of labels."""

# Spreadsheets and data frames write integers as 3.0 where other cells are empty.
_INTEGER = re.compile(r"([+-]?[0-9]{1,18})(\.0*)?", re.ASCII)


@dataclass(frozen=True)
class Labels:
    """C class names in order, and one label per row: a position in them, or None."""

    class_names: tuple[str, ...]
    values: tuple[int | None, ...]


def fault_in(class_names: Sequence[str]) -> str | None:
    """Return why these cannot be class names, as a clause; None where they can."""
    if not class_names:
        return "no class is named"
    if len(class_names) > MAX_CLASSES:
        return f"{len(class_names)} classes are named; at most {MAX_CLASSES} can be"
    for name in class_names:
        if not name or name != name.strip():
            return f"class name {quote(name)} is empty or has spaces around it"
        if _INTEGER.fullmatch(name):
            return f"class name {quote(name)} is an integer, which as a label would be a position"
        problem = name_problem(name)
        if problem:
            return f"class name {quote(name)} {problem}"
    twice = [name for name in class_names if class_names.count(name) > 1]
    if twice:
        return f"class name {quote(twice[0])} is given more than once"
    return None


def read_labels(listing: Listing, column: str, class_names: Sequence[str] | None) -> Labels:
    """Return the labels in a column of the listing; an empty cell is unlabelled.

    With class names, a label is a position among them or one of them. Without, labels are all
    integers or all names: integers 0-3 that all occur are IEMOCAP's four classes, others are
    `class0`, `class1`, ... up to the greatest; names are sorted, but IEMOCAP's keep their order.
    Raises InputError, with the line, for a label that is neither or out of range.
    """
    cells = listing.column(column)
    integers = [
        _integer(listing, line, cell) for line, cell in zip(listing.lines, cells, strict=True)
    ]
    if class_names is None:
        class_names = _implied(listing, cells, integers)
    position = {name: index for index, name in enumerate(class_names)}
    values: list[int | None] = []
    for line, cell, integer in zip(listing.lines, cells, integers, strict=True):
        if not cell:
            values.append(None)
        elif integer is None and cell not in position:
            raise InputError(
                f"{listing.at(line)}: label {quote(cell)} is neither an integer nor a class name; "
                f"the classes are {enumerate_names(class_names)}"
            )
        elif integer is not None and integer >= len(class_names):
            raise InputError(
                f"{listing.at(line)}: label {show(cell)} is out of range; there are "
                f"{len(class_names)} classes, 0 to {len(class_names) - 1}: "
                f"{enumerate_names(class_names)}"
            )
        else:
            values.append(position[cell] if integer is None else integer)
    return Labels(tuple(class_names), tuple(values))


def _integer(listing: Listing, line: int, cell: str) -> int | None:
    match = _INTEGER.fullmatch(cell)
    if match is None:
        if _is_number(cell):
            raise InputError(
                f"{listing.at(line)}: label {quote(cell)} is a number but no integer from 0 up; "
                "labels are positions or names of classes, and an empty cell means unlabelled"
            )
        return None
    value = int(match[1])
    if value < 0:
        raise InputError(
            f"{listing.at(line)}: label {show(cell)} is negative; labels begin at 0, "
            "and an empty cell means unlabelled"
        )
    return value


def _is_number(cell: str) -> bool:
    """Return whether a label is a number; `nan` is one, which data frames write for a gap."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _implied(
    listing: Listing, cells: Sequence[str], integers: Sequence[int | None]
) -> tuple[str, ...]:
    """Return class names where none are given."""
    found = {integer for integer in integers if integer is not None}
    if not found:
        return _implied_by_names(listing, cells)
    first = next(i for i, integer in enumerate(integers) if integer is not None)
    for line, cell, integer in zip(listing.lines, cells, integers, strict=True):
        if cell and integer is None:
            raise InputError(
                f"{listing.at(line)}: label {quote(cell)} is neither an integer nor a class name; "
                f"no class names were given, and line {listing.lines[first]} has the integer "
                f"{show(cells[first])}"
            )
        if integer is not None and integer >= MAX_CLASSES:
            raise InputError(
                f"{listing.at(line)}: label {show(cell)} is too great; integers without class "
                f"names run from 0 to {MAX_CLASSES - 1}"
            )
    if found == set(range(len(iemocap.CLASSES))):
        return iemocap.CLASSES
    return tuple(f"class{i}" for i in range(max(found) + 1))


def _implied_by_names(listing: Listing, cells: Sequence[str]) -> tuple[str, ...]:
    names: set[str] = set()
    for line, cell in zip(listing.lines, cells, strict=True):
        if not cell or cell in names:
            continue
        names.add(cell)
        problem = name_problem(cell)
        if len(names) > MAX_CLASSES:
            problem = f"is the {len(names)}th class; at most {MAX_CLASSES} can be told apart"
        if problem:
            raise InputError(f"{listing.at(line)}: label {quote(cell)} {problem}")
    if names <= set(iemocap.CLASSES):
        return tuple(name for name in iemocap.CLASSES if name in names)
    return tuple(sorted(names))
