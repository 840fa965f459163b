"""All methods by name. A new module beside this one that has `METHODS` is found by itself.

Those of other packages are looked for only where memr has no method of the name, or where all are
asked for.
"""

import pkgutil
from collections.abc import Sequence
from functools import cache
from importlib import import_module

import memr_cli.methods as package
from memr_cli.data.holdings import Holdings
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.methods.entry_points import load, offered, offering
from memr_cli.methods.method import CombiningMethod, Method, Need
from memr_cli.methods.unimodal import unimodal
from memr_cli.vocabulary import ALIASES, PUBLISHED


@cache
def own() -> dict[str, Method]:
    """Every method of memr's own by name, the published five first."""
    found: dict[str, Method] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for method in getattr(import_module(module.name), "METHODS", ()):
            found[method.name] = method
    ordered = (*PUBLISHED, *sorted(found.keys() - set(PUBLISHED)))
    return {name: found[name] for name in ordered}


def of_modalities(held: Sequence[str]) -> dict[str, Method]:
    """A unimodal method for each modality that has no method of its own yet."""
    return {name: unimodal(name) for name in held if name not in own()}


def registered(held: Sequence[str] = ()) -> dict[str, Method]:
    """Every method by name: memr's own, those of the modalities held, those of other packages."""
    others = {name: load(name) for name in _others() if name not in held}
    return (
        own()
        | of_modalities(held)
        | {
            name: method
            for name, method in others.items()
            if not isinstance(method, UnsupportedError)
        }
    )


def unusable() -> dict[str, str]:
    """By name, why methods that other packages offer cannot be used."""
    others = {name: load(name) for name in _others()}
    return {name: str(why) for name, why in others.items() if isinstance(why, UnsupportedError)}


def shadowed() -> list[str]:
    """A sentence for each name of memr's own that other packages offer too, which is not used."""
    return [
        f"method {name} is memr's own; that of {offering(name)} is not used."
        for name in offered()
        if name in own()
    ]


def _others() -> list[str]:
    return [name for name in offered() if name not in own()]


def named(name: str, held: Sequence[str] = ()) -> Method:
    """The method of this name, where the store holds these modalities.

    Raises UsageError where there is none, listing those there are, and UnsupportedError where the
    one that another package offers cannot be used.
    """
    real = ALIASES.get(name, name)
    if real in own():
        return own()[real]
    if real in held:
        return unimodal(real)
    if real not in offered():
        names = ", ".join((*own(), *of_modalities(held), *_others()))
        raise UsageError(
            f"there is no method {name}; --method takes {names}, all (the first five) or every."
        )
    found = load(real)
    if isinstance(found, UnsupportedError):
        raise found
    return found


def why_unsupported(method: Method, holdings: Holdings) -> str | None:
    """Why what a store holds cannot serve the method, or None where it can."""
    try:
        if isinstance(method, CombiningMethod):
            method.members(holdings.modalities)
            return None
        used = method.modalities(holdings.modalities)
    except UnsupportedError as reason:
        return str(reason)
    framed = Need.FRAMES in method.needs
    frameless = [name for name in used if name in holdings.frameless] if framed else []
    if frameless:
        return (
            f"method {method.name} works on frames, and the store holds those of "
            f"{', '.join(frameless)} pooled only. Run `memr ingest` with --sequences."
        )
    if Need.DIALOGUES in method.needs and not holdings.has_dialogues:
        return (
            f"method {method.name} works on dialogues, and the store tells none. Fill the column "
            "`dialogue` of the raw data and ingest again."
        )
    return None
