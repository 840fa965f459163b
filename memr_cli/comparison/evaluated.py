"""Find and load the results that a comparison names."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from memr_cli.comparison.suggestions import evaluate_command
from memr_cli.data.holdings import Holdings
from memr_cli.errors import InputError, UnsupportedError, UsageError
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest, no_longer_scored
from memr_cli.results.predictions import Predictions
from memr_cli.results.saved import load as load_result
from memr_cli.results.settings import Settings
from memr_cli.vocabulary import ALIASES, PUBLISHED, Across, ProtocolName

SUFFIX = ".json"


@dataclass(frozen=True)
class Request:
    """What to compare, as the user named it.

    methods: names of methods, or paths of metrics files. against: the one that all others are
    compared with; None compares every pair. protocol: None chooses that of the first path, else the
    only evaluated one, else `speaker`. across: settings in which the results may differ.
    """

    store: Path
    out: Path
    methods: Sequence[str]
    protocol: ProtocolName | None = None
    across: Collection[Across] = ()
    against: str | None = None


@dataclass(frozen=True, eq=False)
class Evaluated:
    """An evaluation, the folder it is stored in and its predictions."""

    evaluation: Evaluation
    folder: ResultFolder

    @property
    def method(self) -> str:
        """The name of the method."""
        return self.evaluation.method

    @property
    def protocol(self) -> str:
        """The name of the protocol."""
        return self.evaluation.protocol.name

    @property
    def settings(self) -> Settings:
        """The settings that shaped the numbers."""
        return self.evaluation.settings

    @property
    def path(self) -> Path:
        """The metrics file."""
        return self.folder.metrics(self.protocol, self.method)

    @cached_property
    def predictions(self) -> Predictions:
        """The predictions, read once.

        Raises InputError where the file is not one, or names a fold that the metrics lack.
        """
        path = self.folder.predictions(self.protocol, self.method)
        found = Predictions.read(path)
        if not ((found.fold >= 0) & (found.fold < len(self.evaluation.protocol.folds))).all():
            raise InputError(
                f"{path} names a fold that {self.path} does not have. "
                "Delete both and run `memr evaluate` again."
            )
        return found

    @cached_property
    def hashes(self) -> dict[Path, str]:
        """SHA-256 of the metrics and of the predictions."""
        predictions = self.folder.predictions(self.protocol, self.method)
        vouched = self.evaluation.hashes[self.folder.relative(predictions)]
        return {self.path: digest(self.path), predictions: vouched}

    def remake_command(
        self, store: Path, like: "Evaluated | None" = None, keep: Collection[Across] = ()
    ) -> str:
        """Return the command that makes this result again, with the folds and seeds of `like`."""
        own = self.evaluation
        terms = own if like is None else like.evaluation
        methods, root = [self.method], self.folder.root
        return evaluate_command(methods, terms.protocol.name, store, root, terms, own, keep)


@dataclass(frozen=True)
class _Named:
    """A result that was named: `folder`/metrics/`protocol`/`method`.json."""

    folder: ResultFolder
    protocol: str
    method: str
    by_path: bool = False

    @property
    def path(self) -> Path:
        return self.folder.metrics(self.protocol, self.method)


def load(request: Request, holdings: Holdings) -> list[Evaluated]:
    """Load the results that a request names, the one it compares against first.

    holdings: the modalities and columns of the store. Raises UsageError for fewer than two, for one
    named twice and for an unknown method; UnsupportedError for one that is missing, stale or
    unreadable, with the command that makes it where the store supports it. The caller checks that
    they were made from the content of this store.
    """
    named = _named(request)
    missing = [one for one in named if not one.path.is_file()]
    found = [_read(one, request.store) for one in named if one not in missing]
    if missing:
        _refuse_missing(missing, found, request, holdings)
    return found


def _named(request: Request) -> list[_Named]:
    against = request.against
    names = [*([] if against is None else [against]), *request.methods]
    paths = [_from_path(name, request) for name in names if name.endswith(SUFFIX)]
    protocol = request.protocol or (paths[0].protocol if paths else _only_protocol(request.out))
    if not request.methods:
        names += _evaluated_methods(request.out, protocol)
    found: dict[str, _Named] = {}
    for number, name in enumerate(names):
        if name.endswith(SUFFIX):
            one = _from_path(name, request)
        elif Path(name).name != name:
            raise UsageError(
                f"{name} is neither the name of a method nor the path of a metrics file, which "
                f"ends with {SUFFIX}."
            )
        else:
            one = _Named(ResultFolder(request.out), protocol, ALIASES.get(name, name))
        path = os.path.realpath(one.path)  # unlike Path.resolve, accepts a loop of links
        if path in found and not (number and against is not None and path == next(iter(found))):
            raise UsageError(
                f"{name} is named twice; name different results, such as one of another folder by "
                "the path of its metrics file."
            )
        found.setdefault(path, one)
    if len(found) < 2:
        raise _too_few(request, names[0], protocol)
    return list(found.values())


def _too_few(request: Request, name: str, protocol: str) -> UsageError | UnsupportedError:
    if request.methods:
        return UsageError(
            f"compare needs at least two methods, and only {name} is named. "
            "Name another one, as in `memr compare lexical early`."
        )
    command = evaluate_command(["all"], protocol, request.store, request.out)
    return UnsupportedError(
        f"{request.out} has no result under protocol {protocol} to compare with {name}. "
        f"Run: {command}"
    )


def _protocols(out: Path) -> list[ProtocolName]:
    """Return the protocols under which a folder has results."""
    return [name for name in ProtocolName if _evaluated_methods(out, name)]


def _only_protocol(out: Path) -> ProtocolName:
    found = _protocols(out)
    return found[0] if len(found) == 1 else ProtocolName.SPEAKER


def _evaluated_methods(out: Path, protocol: str) -> list[str]:
    """Return the methods that have results in a folder, the published ones first."""
    found = [path.stem for path in (out / "metrics" / protocol).glob(f"*{SUFFIX}")]
    published = [name for name in PUBLISHED if name in found]
    return [*published, *sorted(set(found) - set(published))]


def _from_path(name: str, request: Request) -> _Named:
    # The file itself may be a link to other storage: its folder says what it is.
    path = Path(os.path.realpath(Path(name).parent)) / Path(name).name
    parents = path.parents
    if not path.is_file() and (len(parents) < 3 or parents[0].name not in list(ProtocolName)):
        raise UsageError(f"{name}: there is no such file.")
    if len(parents) < 3 or parents[1].name != "metrics":
        raise UsageError(
            f"{name} is not where memr writes metrics: metrics/<protocol>/<method>{SUFFIX} in an "
            "output folder that has the predictions too."
        )
    method = path.name.removesuffix(SUFFIX)
    found = _Named(ResultFolder(parents[2]), parents[0].name, method, by_path=True)
    if request.protocol is not None and found.protocol != request.protocol:
        raise UsageError(
            f"{name} is a result of protocol {found.protocol}, and --protocol says "
            f"{request.protocol}. Leave --protocol out, or name a result of that protocol."
        )
    return found


def _refuse_missing(
    missing: Sequence[_Named], found: Sequence[Evaluated], request: Request, holdings: Holdings
) -> None:
    """Raise an error with the commands that make missing results like those that were found."""
    from memr_cli.methods.registry import registered, why_unsupported  # only for this message

    known = registered(holdings.modalities)
    for one in missing:
        if one.method not in known:
            raise UsageError(
                f"{one.path}: there is no such file."
                if one.by_path
                else f"there is no method {one.method}; name some of {', '.join(known)}, or "
                "the path of a metrics file."
            )
    reasons = [why_unsupported(known[one.method], holdings) for one in missing]
    if any(reasons):
        why = dict.fromkeys(reason for reason in reasons if reason)
        raise UnsupportedError("\n".join([f"{request.store} does not support:", *why]))
    # A vote does not say whether the others are ensembles.
    like = min((one.evaluation for one in found), key=lambda one: one.votes, default=None)
    lines = [f"{one.path}: there is no such file." for one in missing if one.by_path]
    for folder, protocol in dict.fromkeys((one.folder, one.protocol) for one in missing):
        methods = [
            one.method for one in missing if (one.folder, one.protocol) == (folder, protocol)
        ]
        command = evaluate_command(methods, protocol, request.store, folder.root, like)
        lines.append(
            f"{folder.root} has no result of {', '.join(methods)} under protocol {protocol}. "
            f"Run: {command}"
        )
    others = [name for name in _protocols(request.out) if name != missing[0].protocol]
    if request.protocol is None and others and not any(one.by_path for one in missing):
        lines.insert(
            0,
            f"{request.out} has results under {' and '.join(others)}; choose one with --protocol.",
        )
    raise UnsupportedError("\n".join(lines))


def _read(named: _Named, store: Path) -> Evaluated:
    folder, path = named.folder, named.path
    try:
        evaluation = load_result(path, Evaluation)
        method, protocol = evaluation.method, evaluation.protocol.name
        if (method, protocol) != (named.method, named.protocol):
            raise ValueError(f"it is of method {method} under protocol {protocol}")
    except (ValueError, FileNotFoundError) as error:
        command = evaluate_command([named.method], named.protocol, store, folder.root)
        raise UnsupportedError(
            f"{path} is not a metrics file of this version ({error}). Run: {command}"
        ) from error
    result = Evaluated(evaluation, folder)
    changed = no_longer_scored(folder, protocol, method, evaluation.hashes)
    if changed is not None:
        raise UnsupportedError(
            f"{path} is stale: {changed} is missing or is not the file that was scored. "
            f"Run: {result.remake_command(store)}"
        )
    return result
