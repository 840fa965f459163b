"""Methods that other installed packages name as entry points of the group `memr.methods`.

Only what is installed is looked at, nothing that lies among data or results. A package's code is
loaded when one of its methods is asked for. importlib.metadata is slow to load, as packages are, so
it is for callers to come here only for what memr does not have itself.
"""

import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from memr_cli.corpora.choices import ALIASES, MODALITIES
from memr_cli.errors import UnsupportedError
from memr_cli.methods.installed import InstalledMethod, Package, chooser, told
from memr_cli.methods.method import Need, TrainedMethod

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "memr.methods"
FUNCTIONS = ("fit", "predict_proba", "to_arrays", "from_arrays")
ANY, SEVERAL = "any", "several"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TAKEN = frozenset({"all", "every", *ALIASES})
"""Names that --method understands otherwise."""


@cache
def offered() -> dict[str, tuple["EntryPoint", ...]]:
    """Every entry point of the group by name, of which no code is loaded."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def offering(name: str) -> str:
    """The packages that offer a method of this name, in words."""
    return " and ".join(dict.fromkeys(_told(point.dist) for point in offered()[name]))


@cache
def load(name: str) -> TrainedMethod | UnsupportedError:
    """The method that packages offer under this name, one of `offered`, or why it cannot be used.

    It cannot where several offer it, where its code does not load, and where what it names is not
    as `interface.Classifier` describes it.
    """
    try:
        return _loaded(name)
    except UnsupportedError as reason:
        return reason


def _loaded(name: str) -> TrainedMethod:
    points, package = offered()[name], offering(name)
    if len(points) > 1:
        raise UnsupportedError(
            f"method {name} is offered {len(points)} times, by {package}; memr takes none of "
            "these. Uninstall or rename all but one."
        )
    (point,) = points
    refused = _Refused(name, package, point.value)
    if not NAME.fullmatch(name) or name in TAKEN:
        raise refused.because(
            "expected a name of small letters, digits, - and _ that is none of "
            f"{', '.join(sorted(TAKEN))}"
        )
    try:
        named = point.load()
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        raise refused.because(f"loading it raised {told(error)}") from error
    wanted, needs = _checked(named, refused)
    whose = _package(point)
    method = InstalledMethod(
        name=name,
        summary=named.summary,
        is_fusion=isinstance(wanted, str) or len(wanted) > 1,
        needs=needs,
        choose=chooser(name, whose, wanted),
        package=whose,
        classifier=named,
    )
    return cast("TrainedMethod", method)  # but for being frozen, as the others are


@dataclass(frozen=True)
class _Refused:
    name: str
    package: str
    value: str

    def because(self, reason: str) -> UnsupportedError:
        return UnsupportedError(
            f"method {self.name} of {self.package}, {self.value}, cannot be used: {reason}. Mend, "
            "update or uninstall the package, or leave the method out."
        )


def _checked(named: Any, refused: _Refused) -> tuple[str | Sequence[str], frozenset[Need]]:
    """What a class needs of modalities and beyond. Raises UnsupportedError for what is no such."""
    if not isinstance(named, type):
        raise refused.because(f"expected a class, found {type(named).__name__}")
    lacking = [name for name in FUNCTIONS if not callable(getattr(named, name, None))]
    if lacking:
        raise refused.because(f"the class lacks {', '.join(lacking)}")
    summary = getattr(named, "summary", None)
    if not isinstance(summary, str) or not summary.strip():
        raise refused.because(f"expected its summary in words, found {summary!r}")
    wanted = getattr(named, "modalities", ANY)
    said = wanted in (ANY, SEVERAL) if isinstance(wanted, str) else _are_among(wanted, MODALITIES)
    if not said or not wanted:
        raise refused.because(
            f'its modalities are {wanted!r}, expected "{ANY}", "{SEVERAL}" or a tuple of '
            f"{', '.join(MODALITIES)}"
        )
    needs = getattr(named, "needs", ())
    if not _are_among(needs, list(Need)):
        raise refused.because(f"its needs are {needs!r}, expected a tuple of {', '.join(Need)}")
    return wanted, frozenset(Need(need) for need in needs)


def _are_among(given: Any, known: Sequence[str]) -> bool:
    return isinstance(given, tuple | list | set | frozenset) and all(one in known for one in given)


def _told(distribution: "Distribution | None") -> str:
    if distribution is None:
        return "a package that does not say its name"
    return f"package {distribution.name} {distribution.version}"


def _package(point: "EntryPoint") -> Package:
    distribution = point.dist
    if distribution is None:
        return Package("unknown", "unknown", _source(point.module), {})
    requires = _requires(distribution)
    return Package(distribution.name, distribution.version, _source(point.module), requires)


def _requires(distribution: "Distribution") -> dict[str, str]:
    """The versions of what a distribution requires, where it is installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for requirement in distribution.requires or ():
        name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def _source(module: str) -> str:
    """Hash of the loaded source files of a module's package, or of the module alone in none.

    An editable package changes without its version.
    """
    top = sys.modules[module.partition(".")[0]]
    roots = [Path(folder) for folder in getattr(top, "__path__", ())]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    if not roots and top.__file__ is not None:
        files = [Path(top.__file__)]
    digest = hashlib.sha256()
    for path in files:
        if path.is_file():
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"
