"""Whether a value read from a file has the shape that whoever uses it relies on.

A shape is a type; a list of one shape, for any number of them; a dict of shapes, for an object with
at least these names; or a function of the value. `int` and `float` take no booleans, and `float`
takes whole numbers.
"""

from collections.abc import Mapping
from typing import Any


def fits(value: Any, shape: Any) -> bool:
    """Whether `value`, as JSON has it, is of this shape."""
    if isinstance(shape, type):
        kinds = (int, float) if shape is float else shape
        return isinstance(value, kinds) and (shape is bool or not isinstance(value, bool))
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(part, shape[0]) for part in value)
    if isinstance(shape, Mapping):
        return isinstance(value, dict) and all(
            name in value and fits(value[name], part) for name, part in shape.items()
        )
    return bool(shape(value))
