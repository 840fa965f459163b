"""A hash of the code that a result depends on: the modules that compute it, and what they import.

Imports within memr are followed wherever they are in a module, also inside functions. One kind is
not: experiments use methods by their interface alone, so an import of `methods` from elsewhere is
no dependency, and the modules of the method in question are given by the caller. Comments,
docstrings and blank lines do not count, so that only a change of code makes a result stale.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import memr_cli
import store
from memr_cli.methods.method import Method

ROOTS = {package.__name__: Path(str(package.__file__)).parent for package in (memr_cli, store)}
METHODS = "memr_cli.methods."
QUOTES = 3 * '"'

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|\s*#.*')
_BLANK_LINES = re.compile(r"\n\s*\n")
_IMPORT = re.compile(
    r"^ *from ((?:memr_cli|store)[\w.]*) import (\([^)]*\)|.*)"
    r"|^ *import ((?:memr_cli|store)[\w.]*)",
    re.MULTILINE,
)


class _Module(NamedTuple):
    """The hash of a module's code, and the modules of memr that it imports."""

    digest: bytes
    imports: tuple[str, ...]


def modules_of(method: Method) -> frozenset[str]:
    """Return the modules that define a method: its class, and the functions that it holds."""
    held = [value.func if isinstance(value, partial) else value for value in vars(method).values()]
    return frozenset({type(method).__module__, *(one.__module__ for one in held if callable(one))})


@cache
def code_version(modules: frozenset[str]) -> str:
    """Return the hash of these modules and all that they reach, without those of others."""
    reached: dict[str, bytes] = {}
    waiting = [name for name in modules if name.partition(".")[0] in ROOTS]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name], imports = _module(name)
            inside = name.startswith(METHODS)
            waiting += [one for one in imports if inside or not one.startswith(METHODS)]
    digest = hashlib.sha256()
    for name, part in sorted(reached.items()):
        digest.update(f"{name}\n".encode() + part)
    return digest.hexdigest()


@cache
def _module(name: str) -> _Module:
    text = code_of(_path(name).read_text(encoding="utf-8"))
    return _Module(hashlib.sha256(text.encode()).digest(), tuple(_imports(text)))


def _imports(text: str) -> Iterator[str]:
    for source, names, alone in _IMPORT.findall(text):
        if (alone or source) not in ROOTS:  # memr_cli itself is the Python interface to all
            yield alone or source
        if source and _path(source).name == "__init__.py":  # a package, perhaps for its modules
            for name in re.findall(r"(\w+)(?: as \w+)?", names):
                if _path(f"{source}.{name}").is_file():
                    yield f"{source}.{name}"


@cache
def _path(name: str) -> Path:
    """The file of a module, or of a package its `__init__.py`."""
    top, *parts = name.split(".")
    path = ROOTS[top].joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def code_of(text: str) -> str:
    """Remove comments, docstrings and blank lines from the text of a module."""
    first, *others = text.split(QUOTES)
    kept, code = [_condensed(first)], f"\n{first}"
    for string, following in zip(others[::2], others[1::2], strict=True):
        if not _ends_a_statement(code):
            kept.append(f"{QUOTES}{string}{QUOTES}")
        else:
            kept[-1] = kept[-1].rstrip()
        kept.append(_condensed(following))
        code = following
    return "".join(kept).strip()


def _condensed(code: str) -> str:
    """Remove comments and blank lines from code without long strings."""
    if "#" in code:
        code = "\n".join(
            _STRING_OR_COMMENT.sub(_string, line) if "#" in line else line
            for line in code.split("\n")
        )
    return _BLANK_LINES.sub("\n", code)


def _string(found: re.Match[str]) -> str:
    return found[0] if found[0][0] in "\"'" else ""


def _ends_a_statement(code: str) -> bool:
    """Whether a string that follows this code begins a statement, and so is a docstring."""
    before = code.rstrip(" ")
    return before.endswith("\n") and not before.rstrip().endswith(("(", "[", "{", ",", "="))
