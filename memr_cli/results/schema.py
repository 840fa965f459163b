"""Typed results: one frozen object per JSON schema, with one encoder and one decoder.

A command makes a result and every reader decodes the same type, so that no reader has to check or
look up fields by hand. A string below a field is its description; `docs/results.md` and the output
of `memr schema` are generated from these.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar, dataclass_transform

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "UNSET",
    "Count",
    "Counts",
    "Figure",
    "Fraction",
    "Interval",
    "Meta",
    "Part",
    "Protocol",
    "Result",
    "UnsetType",
    "Value",
    "decode",
    "encode",
    "hash_of",
    "sealed",
    "seeds_from",
    "to_json",
]

Count = Annotated[int, Meta(ge=0, le=2**53)]
Counts = dict[str, Count]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Figure = Annotated[float, Meta(ge=-1e6, le=1e6)]
"""Any other number of a result; memr gives none that is larger."""
Interval = tuple[Figure, Figure]
Value = bool | int | float | str | None
"""The value of a setting."""

MOST_SEEDS = 10_000
"""No result is read that names more seeds."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class _Frozen(msgspec.StructMeta):
    """Makes every part of a result frozen, with fields that are given by name."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], fields: dict[str, Any], **config: Any
    ) -> Any:
        return super().__new__(
            cls, name, bases, fields, **{"frozen": True, "kw_only": True, **config}
        )


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Part(msgspec.Struct, metaclass=_Frozen):
    """A part of a result. Arrays are tuples; a field that is UNSET is left out of the JSON."""


class Protocol(Part):
    """Who is tested, without the folds."""

    name: str
    """`speaker`, `session`, `loso` or `split`."""
    description: str | UnsetType = UNSET
    """The protocol in words."""


class Result(Part, tag_field="schema", tag="memr.result/1"):
    """What one command prints as one JSON object; the field `schema` names its type."""

    store: str | None
    """Path of the store, null where there is none."""
    fingerprint: str | None
    """SHA-256 of the store's content, `sha256:…`; null where there is no store."""


_R = TypeVar("_R", bound=Result)


def to_json(value: Part) -> dict[str, Any]:
    """Return the JSON object of a result or a part of one, as plain dictionaries and lists."""
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def encode(result: Result) -> bytes:
    """Encode a result as a file: indented strict JSON. Raises ValueError for NaN and infinity."""
    return (json.dumps(to_json(result), allow_nan=False, indent=1) + "\n").encode()


def decode(text: bytes, kind: type[_R], clean: Callable[[Any], Any] | None = None) -> _R:
    """Decode a result of one type from JSON of any origin.

    clean: applied to the plain JSON value before it is converted. Raises ValueError where the text
    is not strict JSON, not of this type, or does not match its own digest.
    """
    try:
        value = msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if isinstance(value, dict) and value.get("digest") is not None:
        rest = {name: part for name, part in value.items() if name != "digest"}
        if value["digest"] != hash_of(rest):
            raise ValueError("it was changed after memr wrote it")
    return msgspec.convert(value if clean is None else clean(value), kind)


def sealed(result: _R) -> _R:
    """Return the result with a digest of its content, which shows a later edit."""
    return msgspec.structs.replace(result, digest=hash_of(to_json(result)))


def hash_of(value: Any) -> str:
    """Hash of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, allow_nan=False, sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return the seeds of a result, counting up from the first."""
    return tuple(range(first, first + count))
