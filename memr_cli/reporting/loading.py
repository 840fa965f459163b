"""The results in an output folder that a report may show: readable, fresh, and of one group."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from memr_cli.files.plain import is_there
from memr_cli.files.visible import visible_tree
from memr_cli.reporting import commands
from memr_cli.reporting.fitting import AnyStudy, belongs, why_left_out
from memr_cli.reporting.groups import Group
from memr_cli.results.ablation import Ablation
from memr_cli.results.audit import Audit
from memr_cli.results.comparison import ComparedMethod, Comparison
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest, no_longer_scored
from memr_cli.results.saved import load as load_result
from memr_cli.results.schema import Result

Notice = Callable[[str], None]
_R = TypeVar("_R", bound=Result)
_S = TypeVar("_S", bound=AnyStudy)
_COMPARED = re.compile(
    r"([^/\0]+/)*(metrics/[^/\0]+/[^/\0]+\.json|predictions/[^/\0]+/[^/\0]+\.csv)"
)
"""Files that a comparison is made from, in its own folder or in one of other results below it."""


@dataclass(frozen=True)
class Studies:
    """The comparisons, ablations and the audit of one group, each kind in order of file names."""

    comparisons: tuple[Comparison, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    audit: Audit | None = None


def load(folder: ResultFolder, notice: Notice) -> list[Evaluation]:
    """Return every fresh evaluation in `folder`, by protocol and method name.

    A file that cannot be decoded, or no longer matches its predictions or a checkpoint, is left out
    with one notice. Checkpoints may be missing: scores alone are enough for a report.
    """
    results = []
    for path in folder.all_metrics():
        found = _decoded(path, Evaluation, "evaluate", notice)
        if found is None:
            continue
        protocol = found.protocol.name
        if folder.metrics(protocol, found.method) != path:
            reason = (
                f"it is of method {found.method!r} under protocol {protocol!r}, "
                "and its path says otherwise"
            )
            notice(_unreadable(path, reason, "evaluate"))
            continue
        other = no_longer_scored(folder, protocol, found.method, found.hashes)
        if other is not None:
            notice(
                f"{path} is stale and left out of the report: {other} is missing or no longer "
                f"the file that was scored. Run `memr evaluate --method {found.method} "
                f"--protocol {protocol}` again."
            )
            continue
        results.append(found)
    return results


def studies(folder: ResultFolder, groups: Sequence[Group], notice: Notice) -> list[Studies]:
    """Return the studies of every group, in the order of `groups`.

    Left out with one notice each: files that cannot be decoded, studies that fit no group,
    comparisons of files that have changed since, and those that a larger comparison contains.
    """
    compared = [
        (path, one)
        for path, one in _decoded_in(folder, "comparisons", Comparison, "compare", notice)
        if not _is_stale(folder, path, one, notice)
    ]
    comparisons = _by_group(compared, groups, notice)
    ablated = _decoded_in(folder, "ablations", Ablation, "ablate", notice)
    ablations = _by_group(ablated, groups, notice)
    audits = _by_group(_decoded_in(folder, "audits", Audit, "audit", notice), groups, notice)
    return [
        Studies(
            tuple(_largest(pairs, notice)),
            tuple(one for _, one in without),
            found[0][1] if found else None,
        )
        for pairs, without, found in zip(comparisons, ablations, audits, strict=True)
    ]


def _by_group(
    found: Sequence[tuple[Path, _S]], groups: Sequence[Group], notice: Notice
) -> list[list[tuple[Path, _S]]]:
    """Sort studies by the group that they belong to; those of none get a notice."""
    homes: list[list[tuple[Path, _S]]] = [[] for _ in groups]
    for path, study in found:
        home = next((i for i, group in enumerate(groups) if belongs(study, group)), None)
        if home is None:
            notice(why_left_out(path, study, groups))
        else:
            homes[home].append((path, study))
    return homes


def _decoded_in(
    folder: ResultFolder, name: str, kind: type[_R], command: str, notice: Notice
) -> list[tuple[Path, _R]]:
    paths = sorted(folder.root.glob(f"{name}/**/*.json"))
    found = ((path, _decoded(path, kind, command, notice)) for path in paths)
    return [(path, one) for path, one in found if one is not None]


def _decoded(path: Path, kind: type[_R], command: str, notice: Notice) -> _R | None:
    try:
        found = load_result(path, kind, clean=visible_tree)
        if not found.store or not found.fingerprint:
            raise ValueError("it does not name its store")
    except (ValueError, OSError) as error:
        notice(_unreadable(path, str(error), command))
        return None
    return found


def _unreadable(path: Path, reason: str, command: str) -> str:
    return (
        f"{path} is not a file that this version reads ({reason}); it is left out of the report. "
        f"Delete it and run `memr {command}` again."
    )


def _largest(found: Sequence[tuple[Path, Comparison]], notice: Notice) -> Iterator[Comparison]:
    """Those that no larger one contains, since Holm's correction there covers more pairs."""
    compared = [_compared(one) for _, one in found]
    for number, (path, one) in enumerate(found):
        holders = [
            other
            for place, (other, _) in enumerate(found)
            if compared[number] < compared[place]
            or (compared[number] == compared[place] and place < number)
        ]
        if holders and not commands.unlike_in(one):
            notice(f"{path} is not shown by itself: {holders[0].name} contains its pairs.")
        else:
            yield one


def _compared(one: Comparison) -> frozenset[frozenset[object]]:
    """The pairs of a comparison: with `--against`, not every two of its methods are one."""
    found = {method.label: _identity(method) for method in one.methods}
    return frozenset(
        frozenset(found.get(label, label) for label in (pair.first, pair.second))
        for pair in one.pairs
    )


def _identity(one: ComparedMethod) -> tuple[str, str]:
    return (one.metrics or one.label, one.method)


def _is_stale(folder: ResultFolder, path: Path, comparison: Comparison, notice: Notice) -> bool:
    for name, expected in comparison.hashes.items():
        compared = folder.root / name
        if not _COMPARED.fullmatch(name) or not is_there(compared) or digest(compared) != expected:
            notice(
                f"{path} is stale and left out of the report: {compared} is missing or no longer "
                f"the file that was compared. Run {commands.again(comparison)} again."
            )
            return True
    return False
