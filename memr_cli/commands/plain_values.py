"""Values that need no judgement are read here, all others by typer, which also words every error.

typer hands each value to pydantic, which takes longer to load than a reused evaluation takes.
"""

import re
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from typer.core import TyperCommand, TyperGroup

PLAIN_NUMBERS = {
    int: re.compile(r"-?[0-9]{1,15}"),
    float: re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?(e-?[0-9]{1,2})?"),
}


class PlainCommand(TyperCommand):
    """A command that loads pydantic only for values that are not plain."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what follows the command's name."""
        _read_plain_values(self, ctx)
        return super().parse_args(ctx, args)


class PlainGroup(TyperGroup):
    """A group of commands that does the same for its own options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the options before the command's name."""
        _read_plain_values(self, ctx)
        return super().parse_args(ctx, args)


class _PlainReading:
    """Stands in for a parameter's `process_value`."""

    def __init__(self, param: Any, kind: object) -> None:
        self._param, self._kind, self._otherwise = param, kind, param.process_value

    def __call__(self, ctx: Any, value: object) -> Any:
        plain = plain_value(self._kind, value)
        absent = value is None and not self._param.required
        if plain is None and not absent:
            return self._otherwise(ctx, value)
        return self._param.callback(ctx, self._param, plain) if self._param.callback else plain


def _read_plain_values(command: TyperCommand | TyperGroup, ctx: Any) -> None:
    kinds = get_type_hints(command.callback)
    for param in command.get_params(ctx):
        if not isinstance(param.process_value, _PlainReading):
            reading = _PlainReading(param, kinds.get(param.name))
            param.process_value = reading  # type: ignore[method-assign]


def plain_value(kind: Any, value: Any) -> Any:
    """`value` for a parameter annotated with `kind`, or None where typer has to judge."""
    kinds = [member for member in get_args(kind) if member is not NoneType]
    if get_origin(kind) is list:
        several = value if isinstance(value, list | tuple) else ()
        members = [plain_value(kinds[0], member) for member in several]
        return members if members and None not in members else None
    if kinds:
        return plain_value(kinds[0], value) if len(kinds) == 1 else None
    if not isinstance(kind, type) or type(value) is kind:
        return value if isinstance(kind, type) else None
    if not isinstance(value, str):
        return None
    if kind in PLAIN_NUMBERS:
        return kind(value) if PLAIN_NUMBERS[kind].fullmatch(value) else None
    if issubclass(kind, StrEnum):
        return next((member for member in kind if member == value), None)
    return Path(value) if kind is Path else None
