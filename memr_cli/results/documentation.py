"""JSON Schemas and a reference page, generated from the result types and their descriptions."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from memr_cli.results.ablation import Ablation
from memr_cli.results.audit import Audit
from memr_cli.results.comparison import Comparison
from memr_cli.results.corpus import Check, Info, Ingestion, LayoutFacts, Synthesis
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.report import Report
from memr_cli.results.schema import Part, Result
from memr_cli.results.training import FusionTraining, Training

KINDS: dict[str, type[Result]] = {
    "synth": Synthesis,
    "layouts": LayoutFacts,
    "ingest": Ingestion,
    "info": Info,
    "check": Check,
    "audit": Audit,
    "train": Training,
    "fuse": FusionTraining,
    "evaluate": Evaluation,
    "compare": Comparison,
    "ablate": Ablation,
    "report": Report,
}
"""The type of each command's result."""


def json_schema(kind: type[Result]) -> dict[str, Any]:
    """Return the JSON Schema of a result, with a description of each field that has one."""
    (found,), parts = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    by_name = {part.__name__: part for part in _parts(kind)}
    for name, schema in parts.items():
        for field, text in descriptions(by_name[name]).items():
            schema["properties"][field].setdefault("description", text)
    meta = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**meta, **found, "$defs": parts}


def descriptions(part: type[Part]) -> dict[str, str]:
    """Return the description of each field: the string below it in its class."""
    found: dict[str, str] = {}
    for base in reversed(part.__mro__):
        if not (issubclass(base, Part) and base is not Part):
            continue
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for field, below in pairwise(statements):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[field.target.id] = " ".join(str(below.value.value).split())
    return found


def reference() -> str:
    """Return `docs/results.md`: every field of every result, with its type and meaning."""
    lines = [_HEAD]
    shown: set[str] = set()
    for command, kind in KINDS.items():
        lines += [f"## memr {command}", "", f"Schema `memr.{command}/1`. {_summary(kind)}", ""]
        for part in _parts(kind):
            if part.__name__ in shown:
                continue
            if part is not kind:
                shown.add(part.__name__)
                lines += [f"### {part.__name__}", "", _summary(part), ""]
            lines += ["| field | type | meaning |", "| --- | --- | --- |", *_rows(part), ""]
    return "\n".join(lines)


_HEAD = """# Results

Every command prints one JSON object a result; the field `schema` names its type. Scores and shares
are fractions from 0 to 1; p-values are probabilities; `seconds` are seconds. A field marked
*optional* is left out where it does not apply; `null` is an undefined value, and `notes` says why.
`memr schema NAME` prints the JSON Schema of a command's result.

This page is generated from the result types in `memr_cli/results/`.
"""


def _rows(part: type[Part]) -> Iterator[str]:
    meanings, hints = descriptions(part), get_type_hints(part)
    for field in msgspec.structs.fields(part):
        kind = _type_name(hints[field.name])
        optional = "" if field.required else "*optional* "
        yield f"| `{field.encode_name}` | {kind} | {optional}{meanings.get(field.name, '')} |"


def _summary(part: type[Part]) -> str:
    return " ".join((inspect.getdoc(part) or "").split("\n\n")[0].split())


def _type_name(hint: Any) -> str:
    """Name a type as the page shows it."""
    if hint is type(None):
        return "null"
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {_type_name(arguments[0])}"
        return f"pair of {_type_name(arguments[0])}"
    if origin is dict:
        return f"object of {_type_name(arguments[1])} by name"
    if arguments:  # a union
        every = (_type_name(one) for one in arguments if one is not msgspec.UnsetType)
        return " or ".join(dict.fromkeys(every))
    if isinstance(hint, type) and issubclass(hint, Part):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return _PLAIN.get(hint, "any")


_PLAIN: dict[Any, str] = {bool: "true or false", int: "integer", float: "number", str: "text"}


def _parts(kind: type[Part]) -> list[type[Part]]:
    """Return a type and all parts that it is made of, each once, outermost first."""
    found: dict[str, type[Part]] = {kind.__name__: kind}
    for field in msgspec.structs.fields(kind):
        for part in _named_in(field.type):
            for inner in _parts(part):
                found.setdefault(inner.__name__, inner)
    return list(found.values())


def _named_in(hint: Any) -> Iterator[type[Part]]:
    if isinstance(hint, type) and issubclass(hint, Part):
        yield hint
    for argument in get_args(hint):
        yield from _named_in(argument)
