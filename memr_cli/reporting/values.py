"""Numbers and bounds as JSON holds them: null where they are undefined."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Bounds = tuple[float, float]


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
    return None if value is None else float(value)


def bounds(value: Any) -> Bounds | None:
    """Both bounds of an interval, None where it or one of them is null."""
    if value is None:
        return None
    low, high = value
    return None if low is None or high is None else (float(low), float(high))
