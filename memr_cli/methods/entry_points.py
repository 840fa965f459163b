"""Methods that other installed packages name as entry points of the group `memr.methods`.

Only what is installed is looked at, nothing that lies among data or results. A package's code is
loaded when one of its methods is asked for. importlib.metadata is slow to load, as packages are, so
it is for callers to come here only for what memr does not have itself.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

from memr_cli.errors import UnsupportedError
from memr_cli.methods.faults import told
from memr_cli.methods.installed import InstalledMethod, Package, chooser
from memr_cli.methods.method import Need, TrainedMethod
from memr_cli.vocabulary import ALIASES, MODALITIES, is_modality_name

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
    try:
        whose = _package(point)
    except OSError as error:
        raise refused.because(f"its source cannot be read: {error}") from error
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
    said = wanted in (ANY, SEVERAL) if isinstance(wanted, str) else _are_modalities(wanted)
    if not said or not wanted:
        raise refused.because(
            f'its modalities are {wanted!r}, expected "{ANY}", "{SEVERAL}" or a tuple of '
            f"names of modalities such as {', '.join(MODALITIES)}"
        )
    needs = getattr(named, "needs", ())
    if not _are_among(needs, list(Need)):
        raise refused.because(f"its needs are {needs!r}, expected a tuple of {', '.join(Need)}")
    return wanted, frozenset(Need(need) for need in needs)


def _are_modalities(given: Any) -> bool:
    return isinstance(given, tuple | list | set | frozenset) and all(
        isinstance(one, str) and is_modality_name(one) for one in given
    )


def _are_among(given: Any, known: Sequence[str]) -> bool:
    return isinstance(given, tuple | list | set | frozenset) and all(one in known for one in given)


def _told(distribution: "Distribution | None") -> str:
    if distribution is None:
        return "a package that does not say its name"
    return f"package {distribution.name} {distribution.version}"


def _package(point: "EntryPoint") -> Package:
    distribution = point.dist
    source = _source({point.module.partition(".")[0], *_tops(distribution)})
    if distribution is None:
        return Package("unknown", "unknown", source, {})
    return Package(distribution.name, distribution.version, source, _requires(distribution))


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


def _tops(distribution: "Distribution | None") -> set[str]:
    """The top-level packages and modules that a distribution says it has; none if it says nothing.

    Of an editable one, only installers that write top_level.txt say it.
    """
    if distribution is None:
        return set()
    listed = (distribution.read_text("top_level.txt") or "").split()
    if listed:
        return {name.replace("\\", "/").partition("/")[0] for name in listed}
    paths = [PurePath(str(path)) for path in distribution.files or ()]
    code = [path for path in paths if len(path.parts) > 1 or path.suffix in (".py", ".so", ".pyd")]
    names = {path.parts[0].partition(".")[0] for path in code if "-" not in path.parts[0]}
    return {name for name in names if name.isidentifier() and not name.startswith("__")}


def _source(tops: set[str]) -> str:
    """Hash of the files of these top-level packages and modules, but for caches and hidden ones.

    An editable package changes without its version.
    """
    digest = hashlib.sha256()
    for top in sorted(tops):
        for name, path in sorted(_files(top)):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{top}/{name}\0{content}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def _files(top: str) -> Iterator[tuple[str, Path]]:
    """Each file of a package, or that of a module, and its path within."""
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):  # ValueError: what is loaded under this name has no spec
        return
    if spec is None:
        return
    for root in spec.submodule_search_locations or ():
        for path in Path(root).rglob("*"):
            within = path.relative_to(root)
            passed = any(part == "__pycache__" or part.startswith(".") for part in within.parts)
            if path.is_file() and not passed:
                yield within.as_posix(), path
    if not spec.submodule_search_locations and spec.has_location and spec.origin is not None:
        path = Path(spec.origin)
        if path.is_file():
            yield path.name, path
