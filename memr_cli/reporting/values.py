"""Values as JSON holds them, whoever wrote the file: of their kind, and of a size that memr gives.

Each function raises ValueError where a value is not of its kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Bounds = tuple[float, float]

MOST_COUNT = 10**12
_MOST = 1e6
"""No figure of a report is larger; figures with larger ones cannot be drawn."""


@dataclass(frozen=True)
class Value:
    """A figure as a fraction, its standard deviation and interval; None where undefined."""

    mean: float | None
    std: float | None = None
    ci95: Bounds | None = None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Value":
        """Read `mean`, and `std` and `ci95` where they are there."""
        return cls(number(value["mean"]), number(value.get("std")), bounds(value.get("ci95")))


def number(value: Any) -> float | None:
    """`value` as a number, None for null."""
    return None if value is None else some_number(value)


def some_number(value: Any) -> float:
    """`value` as a number, of a size that can be drawn."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MOST < value < _MOST:
        raise ValueError(f"{_shown(value)} is no figure of a result")
    return float(value)


def count(value: Any) -> int:
    """`value` as a number of things; null is none."""
    if value is None:
        return 0
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or not 0 <= value <= MOST_COUNT:
        raise ValueError(f"{_shown(value)} is no count")
    return int(value)


def bounds(value: Any) -> Bounds | None:
    """Both bounds of an interval, None where it or one of them is null."""
    if value is None:
        return None
    low, high = map(number, items(value))
    return None if low is None or high is None else (low, high)


def text(value: Any) -> str:
    """`value`, a text; null is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """A list of texts; null is an empty one."""
    return tuple(map(text, items(value)))


def items(value: Any) -> list[Any]:
    """`value`, a list; null is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{_shown(value)} is no list")
    return value


def named(value: Any) -> dict[str, Any]:
    """`value`, an object; null is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{_shown(value)} is no object")
    return value


def flag(value: Any) -> bool:
    """`value`, true or false; null is false."""
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{_shown(value)} is neither true nor false")
    return bool(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 40 else f"{shown[:39]}…"
