"""Load the comparisons, ablations and audits of an output folder that belong to its results."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from memr_cli.files.plain import is_there
from memr_cli.files.visible import visible_tree
from memr_cli.reporting.groups import Group
from memr_cli.reporting.loading import UNREADABLE, Notice
from memr_cli.reporting.studies import asking
from memr_cli.reporting.studies.ablation import Ablation
from memr_cli.reporting.studies.audit import Audit
from memr_cli.reporting.studies.comparison import Comparison
from memr_cli.reporting.studies.fitting import belongs, why_left_out
from memr_cli.reporting.studies.study import Study
from memr_cli.results import ablation, audit, comparison
from memr_cli.results.comparison import ComparedMethod
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest
from memr_cli.results.saved import load as load_result
from memr_cli.results.schema import Result

_S = TypeVar("_S", bound=Study)
_R = TypeVar("_R", bound=Result)
_COMPARED = re.compile(
    r"([^/\0]+/)*(metrics/[^/\0]+/[^/\0]+\.json|predictions/[^/\0]+/[^/\0]+\.csv)"
)
"""What a comparison is made from: files of its own folder, or of another that results lie in."""
_COMMANDS = {"comparisons": "compare", "ablations": "ablate", "audits": "audit"}


@dataclass(frozen=True)
class Studies:
    """What belongs to one group, each kind by file name."""

    comparisons: tuple[Comparison, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    audit: Audit | None = None


def studies(folder: ResultFolder, groups: Sequence[Group], notice: Notice) -> list[Studies]:
    """Those of every group, in the order of `groups`.

    What cannot be read, what no group's results go with, comparisons of files that have changed
    since, and those that a larger one holds are left out, each with one notice.
    """
    comparisons = [
        one
        for one in _read(folder, "comparisons", comparison.Comparison, Comparison, notice)
        if not _is_stale(folder, one, notice)
    ]
    ablations = _read(folder, "ablations", ablation.Ablation, Ablation, notice)
    audits = _read(folder, "audits", audit.Audit, Audit, notice)
    homes: list[Any] = [([], [], []) for _ in groups]
    for kind, found in enumerate((comparisons, ablations, audits)):
        for one in found:
            home = next((i for i, group in enumerate(groups) if belongs(one, group)), None)
            if home is None:
                notice(why_left_out(one, groups))
            else:
                homes[home][kind].append(one)
    return [
        Studies(tuple(_largest(pairs, notice)), tuple(without), found[0] if found else None)
        for pairs, without, found in homes
    ]


def _largest(comparisons: Sequence[Comparison], notice: Notice) -> Iterator[Comparison]:
    """Those whose pairs do not all stand in another one, where Holm's correction sees more."""
    compared = [_compared(one) for one in comparisons]
    for number, one in enumerate(comparisons):
        holders = [
            other
            for place, other in enumerate(comparisons)
            if compared[number] < compared[place]
            or (compared[number] == compared[place] and place < number)
        ]
        if holders and not asking.unlike_in(one):
            notice(f"{one.path} is not shown by itself: its pairs stand in {holders[0].path.name}.")
        else:
            yield one


def _compared(one: Comparison) -> frozenset[frozenset[object]]:
    """Return the pairs of a comparison: with `--against`, not every two of its methods are one."""
    found = {method.label: _identity(method) for method in one.methods}
    return frozenset(
        frozenset(found.get(label, label) for label in (pair.first, pair.second))
        for pair in one.pairs
    )


def _identity(one: ComparedMethod) -> tuple[str, str]:
    return (one.metrics or one.label, one.method)


def _read(
    folder: ResultFolder,
    part: str,
    kind: type[_R],
    study: Callable[[Path, _R], _S],
    notice: Notice,
) -> Iterator[_S]:
    for path in sorted(folder.root.glob(f"{part}/**/*.json")):
        try:
            yield study(path, load_result(path, kind, clean=visible_tree))
        except UNREADABLE as error:
            notice(
                f"{path} is no file that this version reads ({error}); it is left out of "
                f"the report. Delete it and run `memr {_COMMANDS[part]}` again."
            )


def _is_stale(folder: ResultFolder, comparison: Comparison, notice: Notice) -> bool:
    for name, expected in comparison.hashes.items():
        path = folder.root / name
        if not _COMPARED.fullmatch(name) or not is_there(path) or digest(path) != expected:
            notice(
                f"{comparison.path} is stale and left out of the report: {path} is gone or no "
                f"longer the file that was compared. Run {asking.again(comparison)} again."
            )
            return True
    return False
