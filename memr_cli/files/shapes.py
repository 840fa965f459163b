"""Whether a value read from a file has the shape that whoever uses it relies on.

A shape is a type; a list of one shape, for any number of them; a dict of shapes, for an object with
at least these names; or a function of the value. `int` and `float` take no booleans, and `float`
takes whole numbers.
"""

from collections.abc import Callable, Mapping
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


def maybe(shape: Any) -> Callable[[Any], bool]:
    """Null or of this shape."""
    return lambda value: value is None or fits(value, shape)


def each(shape: Any) -> Callable[[Any], bool]:
    """An object with any names, all of whose values are of this shape."""
    return lambda value: isinstance(value, dict) and all(fits(v, shape) for v in value.values())


def both(*shapes: Any) -> Callable[[Any], bool]:
    """Of all these shapes."""
    return lambda value: all(fits(value, shape) for shape in shapes)


def pair(shape: Any) -> Callable[[Any], bool]:
    """A list of two of this shape."""
    return lambda value: fits(value, [shape]) and len(value) == 2
