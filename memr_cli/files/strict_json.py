"""JSON as other programs read it, and as memr reads it back.

Apart from `results` since --help needs no numpy.
"""

import json
import math
from typing import Any

DEEPEST = 64
"""Lists and objects within each other; memr writes no deeper than ten."""

_LARGEST = 2**63
"""Whole numbers beyond 64 bits are no count, and no array holds them."""


def encode(value: Any, indent: int | None = None) -> str:
    """Return strict JSON in ASCII, which every locale can print; one line without `indent`.

    Raises ValueError for NaN and infinity, which JSON does not have.
    """
    return json.dumps(value, allow_nan=False, indent=indent)


def decode(text: bytes) -> Any:
    """The value of a JSON text of any origin.

    Raises ValueError where it is no strict JSON in UTF-8: also for NaN, numbers too large for 64
    bits, a key that an object has twice, and nesting deeper than DEEPEST.
    """
    try:
        value = json.loads(
            text.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check(value)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _check(value: Any) -> None:
    left = [(value, 0)]
    while left:
        one, depth = left.pop()
        if isinstance(one, float):
            if not math.isfinite(one):
                raise ValueError("a number is too large")
        elif isinstance(one, int):
            if not -_LARGEST <= one < _LARGEST:
                raise ValueError("a number is too large")
        elif isinstance(one, list | dict):
            if depth == DEEPEST:
                raise ValueError("it is nested too deeply")
            parts = one.values() if isinstance(one, dict) else one
            left += [(part, depth + 1) for part in parts]
