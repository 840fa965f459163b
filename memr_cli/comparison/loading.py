"""Load the results that a user named, unchanged since they were scored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.repeating import command, remake
from memr_cli.data.holdings import Holdings
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import no_longer_scored
from memr_cli.results.saved import load as load_result
from memr_cli.vocabulary import ALIASES, ProtocolName

SUFFIX = ".json"


@dataclass(frozen=True)
class Place:
    """The store that results have to be of, the folder that holds them, and who is tested.

    protocol: None where the person did not say.
    """

    store: Path
    out: Path
    protocol: ProtocolName | None


@dataclass(frozen=True)
class _Wanted:
    """Where the result of a method lies: `folder`/metrics/`protocol`/`method`.json."""

    folder: ResultFolder
    protocol: str
    method: str
    by_path: bool = False

    @property
    def path(self) -> Path:
        return self.folder.metrics(self.protocol, self.method)


def load(names: Sequence[str], place: Place, holdings: Holdings) -> list[Evaluated]:
    """The result of each METHOD, a name or the path of a metrics file.

    holdings: what the store offers methods. Raises UsageError for fewer than two, for one named
    twice and for an unknown method, UnsupportedError for one that is missing, stale or unreadable.
    The message has the command that makes it, where the store can serve it. Whether it is of the
    store's content is for the caller to compare.
    """
    wanted = _wanted(names, place)
    missing = [want for want in wanted if not want.path.is_file()]
    found = [_read(want, place) for want in wanted if want not in missing]
    if missing:
        _refuse_missing(missing, found, place, holdings)
    return found


def _wanted(names: Sequence[str], place: Place) -> list[_Wanted]:
    if len(names) < 2:
        raise UsageError(
            f"compare needs at least two methods, and {' '.join(names)} alone is named. "
            "Name another, such as in `memr compare lexical early`."
        )
    paths = [_of_path(name, place) for name in names if name.endswith(SUFFIX)]
    protocol = place.protocol or (paths[0].protocol if paths else _evaluated_protocol(place))
    wanted = [
        _of_path(name, place)
        if name.endswith(SUFFIX)
        else _Wanted(ResultFolder(place.out), protocol, ALIASES.get(name, name))
        for name in names
    ]
    named: set[str] = set()
    for name, want in zip(names, wanted, strict=True):
        if not name.endswith(SUFFIX) and Path(name).name != name:
            raise UsageError(
                f"{name} is neither a method's name nor the path of a metrics file, which ends "
                f"with {SUFFIX}."
            )
        place_of_it = os.path.realpath(want.path)  # unlike Path.resolve, at ease with loops
        if place_of_it in named:
            raise UsageError(
                f"{name} is named twice; name different results, such as one of another folder by "
                "the path of its metrics file."
            )
        named.add(place_of_it)
    return wanted


def _evaluated_protocol(place: Place) -> str:
    """The only protocol that has results in the output folder; `speaker` where there are more."""
    found = {path.parent.name for path in ResultFolder(place.out).all_metrics()}
    return found.pop() if len(found) == 1 else ProtocolName.SPEAKER


def evaluated_methods(place: Place, against: str) -> list[str]:
    """Return the methods that were evaluated, except the one that they are compared with.

    Raises UsageError where there is none.
    """
    protocol = place.protocol or _evaluated_protocol(place)
    paths = ResultFolder(place.out).all_metrics()
    evaluated = [path.stem for path in paths if path.parent.name == protocol]
    others = [name for name in evaluated if name != ALIASES.get(against, against)]
    if not others:
        raise UsageError(
            f"{place.out} has no result under protocol {protocol} to compare with {against}. Run "
            "`memr evaluate` first, or name --protocol or --out."
        )
    return others


def _of_path(name: str, place: Place) -> _Wanted:
    # A file may be a link into a store of large files: its folder says what it is.
    path = Path(os.path.realpath(Path(name).parent)) / Path(name).name
    parents = path.parents
    if not path.is_file() and (len(parents) < 3 or parents[0].name not in list(ProtocolName)):
        raise UsageError(f"{name}: there is no such file.")
    if len(parents) < 3 or parents[1].name != "metrics":
        raise UsageError(
            f"{name} does not lie where memr writes metrics: metrics/<protocol>/<method>{SUFFIX} "
            "below an output folder, with the predictions beside it."
        )
    method = path.name.removesuffix(SUFFIX)
    want = _Wanted(ResultFolder(parents[2]), parents[0].name, method, by_path=True)
    if place.protocol is not None and want.protocol != place.protocol:
        raise UsageError(
            f"{name} is a result of protocol {want.protocol}, and --protocol says "
            f"{place.protocol}. Leave --protocol out, or name a result of that protocol."
        )
    return want


def _refuse_missing(
    missing: Sequence[_Wanted],
    found: Sequence[Evaluated],
    place: Place,
    holdings: Holdings,
) -> None:
    """Say how all that is missing is made, with the settings of what is there."""
    _refuse_unknown(missing, holdings)
    _refuse_unsupported(missing, place, holdings)
    # A vote does not tell whether the others are ensembles.
    like = min(found, key=lambda one: one.result.votes, default=None)
    gone = "".join(f"{want.path}: there is no such file.\n" for want in missing if want.by_path)
    places = dict.fromkeys((want.folder, want.protocol) for want in missing)
    sentences = []
    for folder, protocol in places:
        methods = [w.method for w in missing if (w.folder, w.protocol) == (folder, protocol)]
        make = command(methods, protocol, (place.store, folder.root), like)
        sentences.append(
            f"{folder.root} has no result of {', '.join(methods)} under protocol {protocol}. "
            f"Run: {make}"
        )
    raise UnsupportedError(gone + "\n".join(sentences))


def _refuse_unsupported(missing: Sequence[_Wanted], place: Place, holdings: Holdings) -> None:
    """Where the store cannot serve a method, no command would make its result."""
    from memr_cli.methods.registry import registered, why_unsupported

    reasons = [
        why_unsupported(registered(holdings.modalities)[want.method], holdings) for want in missing
    ]
    why = list(dict.fromkeys(reason for reason in reasons if reason))
    if why:
        raise UnsupportedError("\n".join([f"{place.store} cannot serve what is named:", *why]))


def _refuse_unknown(missing: Sequence[_Wanted], holdings: Holdings) -> None:
    from memr_cli.methods.registry import registered  # needed only to say what is wrong

    known = registered(holdings.modalities)
    for want in missing:
        if want.method not in known:
            if want.by_path:
                raise UsageError(f"{want.path}: there is no such file.")
            raise UsageError(
                f"there is no method {want.method}; name some of {', '.join(known)}, or the "
                "path of a metrics file."
            )


def _read(want: _Wanted, place: Place) -> Evaluated:
    folder, path = want.folder, want.path
    try:
        evaluated = Evaluated(path, folder, load_result(path, Evaluation))
        named = (evaluated.method, evaluated.protocol)
        if named != (want.method, want.protocol):
            raise ValueError(f"it is of method {named[0]} under protocol {named[1]}")
    except (ValueError, FileNotFoundError) as error:
        make = command([want.method], want.protocol, (place.store, folder.root))
        raise UnsupportedError(
            f"{path} is not a metrics file that this version compares ({error}). Run: {make}"
        ) from error
    changed = no_longer_scored(folder, want.protocol, want.method, evaluated.result.hashes)
    if changed is not None:
        make = remake(evaluated, place.store)
        raise UnsupportedError(
            f"{path} is stale: {changed} is gone or no longer the file that was scored. Run: {make}"
        )
    return evaluated
