"""Find and load the entry points `memr.methods` of installed packages.

Only installed packages are read, nothing among data or results. The code of a package is loaded
when one of its methods is asked for. Callers come here only for methods that memr does not have:
importlib.metadata is slow to load, and so are packages.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, cast

from memr_cli.errors import UnsupportedError
from memr_cli.methods.method import Need, TrainedMethod
from memr_cli.methods.plugins.installed import InstalledMethod, Package, in_one_line
from memr_cli.vocabulary import ALIASES, MODALITIES, is_modality_name

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

GROUP = "memr.methods"
FUNCTIONS = ("fit", "predict_proba", "to_arrays", "from_arrays")
ANY, SEVERAL = "any", "several"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
TAKEN = frozenset({"all", "every", *ALIASES})
"""Names with another meaning for --method."""


@cache
def offered() -> dict[str, tuple["EntryPoint", ...]]:
    """Return every entry point of the group by name, without loading its code."""
    from importlib.metadata import entry_points

    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def offering(name: str) -> str:
    """Name the packages that offer a method of this name."""
    return " and ".join(dict.fromkeys(_named(point.dist) for point in offered()[name]))


@cache
def load(name: str) -> TrainedMethod | UnsupportedError:
    """Load the method of this name, one of `offered`, or return why it cannot be used.

    It cannot where several packages offer it, where its code does not load, and where its class is
    not as `interface.Classifier` describes it.
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
        raise refused.because(f"loading it raised {in_one_line(error)}") from error
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
        choose=_chooser(name, whose, wanted),
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
    """Return the modalities and needs that a class declares.

    Raises UnsupportedError for anything that is not as `interface.Classifier` describes it.
    """
    if not isinstance(named, type):
        raise refused.because(f"expected a class, found {type(named).__name__}")
    lacking = [name for name in FUNCTIONS if not callable(getattr(named, name, None))]
    if lacking:
        raise refused.because(f"the class lacks {', '.join(lacking)}")
    summary = getattr(named, "summary", None)
    if not isinstance(summary, str) or not summary.strip():
        raise refused.because(f"expected its summary in words, found {summary!r}")
    wanted = getattr(named, "modalities", ANY)
    known = wanted in (ANY, SEVERAL) if isinstance(wanted, str) else _are_modalities(wanted)
    if not known or not wanted:
        raise refused.because(
            f'its modalities are {wanted!r}, expected "{ANY}", "{SEVERAL}" or a tuple of '
            f"names of modalities such as {', '.join(MODALITIES)}"
        )
    needs = getattr(named, "needs", ())
    if not _are_among(needs, list(Need)):
        raise refused.because(f"its needs are {needs!r}, expected a tuple of {', '.join(Need)}")
    return wanted, frozenset(Need(need) for need in needs)


def _chooser(
    name: str, package: Package, wanted: str | Sequence[str]
) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """Return a function that picks the wanted modalities from those held."""

    def choose(held: Sequence[str]) -> tuple[str, ...]:
        if isinstance(wanted, str):
            if wanted == SEVERAL and len(held) < 2:
                raise UnsupportedError(
                    f"method {name} of {package} needs at least two modalities, and the store "
                    f"holds {', '.join(held)}. Ingest a corpus with more modalities."
                )
            return tuple(held)
        lacking = [modality for modality in wanted if modality not in held]
        if lacking:
            raise UnsupportedError(
                f"method {name} of {package} needs {', '.join(wanted)} features, and the store "
                f"holds {', '.join(held)}. Ingest a corpus with {', '.join(lacking)} features."
            )
        return tuple(modality for modality in held if modality in wanted)

    return choose


def _are_modalities(given: Any) -> bool:
    return isinstance(given, tuple | list | set | frozenset) and all(
        isinstance(one, str) and is_modality_name(one) for one in given
    )


def _are_among(given: Any, known: Sequence[str]) -> bool:
    return isinstance(given, tuple | list | set | frozenset) and all(one in known for one in given)


def _named(distribution: "Distribution | None") -> str:
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
    """Return the versions of the declared dependencies that are installed."""
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
    """Return the top-level packages and modules that a distribution lists, if it lists any.

    Of an editable one, only installers that write top_level.txt list them.
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
    """Hash the files of these packages and modules, except caches and hidden files.

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
    """Yield each file of a package, or that of a module, after its path within."""
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
