"""All methods by name. A new module beside this one that has `METHODS` is found by itself."""

import pkgutil
from functools import cache
from importlib import import_module

import memr_cli.methods as package
from memr_cli.corpora.choices import ALIASES
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.methods.choices import PUBLISHED
from memr_cli.methods.method import CombiningMethod, Method


@cache
def registered() -> dict[str, Method]:
    """Every method by name, the published five first."""
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for method in getattr(import_module(module.name), "METHODS", ()):
            found[method.name] = method
    ordered = (*PUBLISHED, *sorted(found.keys() - set(PUBLISHED)))
    return {name: found[name] for name in ordered}


def named(name: str) -> Method:
    """The method of this name. Raises UsageError where there is none, listing those there are."""
    try:
        return registered()[ALIASES.get(name, name)]
    except KeyError:
        names = ", ".join(registered())
        raise UsageError(
            f"there is no method {name}; --method takes {names}, all (the first five) or every."
        ) from None


def why_unsupported(method: Method, held: tuple[str, ...]) -> str | None:
    """Why a store with these modalities cannot serve the method, or None where it can."""
    try:
        if isinstance(method, CombiningMethod):
            method.members(held)
        else:
            method.modalities(held)
    except UnsupportedError as reason:
        return str(reason)
    return None
