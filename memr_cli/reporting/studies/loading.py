"""Which comparisons, ablations and audits of an output folder belong to which group of results."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from memr_cli.reporting.groups import Group
from memr_cli.reporting.loading import Notice, reason
from memr_cli.reporting.studies.ablation import Ablation
from memr_cli.reporting.studies.audit import Audit
from memr_cli.reporting.studies.comparison import Comparison
from memr_cli.reporting.studies.study import Study
from memr_cli.reporting.terms import Terms
from memr_cli.results import ResultFolder, digest

_S = TypeVar("_S", bound=Study)
_COMMANDS = {"comparisons": "compare", "ablations": "ablate", "audits": "audit"}


@dataclass(frozen=True)
class Studies:
    """What belongs to one group, each kind by file name."""

    comparisons: tuple[Comparison, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    audit: Audit | None = None


def studies(folder: ResultFolder, groups: Sequence[Group], notice: Notice) -> list[Studies]:
    """Those of every group, in the order of `groups`.

    What cannot be read, what no group's results go with, and comparisons of files that have
    changed since are left out, each with one notice.
    """
    comparisons = [
        one
        for one in _read(folder, "comparisons", Comparison.parse, notice)
        if not _is_stale(folder, one, notice)
    ]
    ablations = _read(folder, "ablations", Ablation.parse, notice)
    audits = _read(folder, "audits", Audit.parse, notice)
    homes: list[Any] = [([], [], []) for _ in groups]
    for kind, found in enumerate((comparisons, ablations, audits)):
        for one in found:
            home = next((i for i, group in enumerate(groups) if _belongs(one, group)), None)
            if home is None:
                notice(
                    f"{one.path} is left out of the report: it is of another content of the "
                    f"store, or of other settings, than the results here. {again(one)}"
                )
            else:
                homes[home][kind].append(one)
    return [
        Studies(tuple(pairs), tuple(without), audit[0] if audit else None)
        for pairs, without, audit in homes
    ]


def _read(
    folder: ResultFolder, kind: str, parse: Callable[[Any, Path], _S], notice: Notice
) -> Iterator[_S]:
    for path in sorted(folder.root.glob(f"{kind}/**/*.json")):
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["schema"] != f"memr.{_COMMANDS[kind]}/1":
                raise ValueError(f"its schema is {value['schema']}")
            yield parse(value, path)
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            notice(
                f"{path} is no file that this version reads ({reason(error)}); it is left out of "
                f"the report. Delete it and run `memr {_COMMANDS[kind]}` again."
            )


def _is_stale(folder: ResultFolder, comparison: Comparison, notice: Notice) -> bool:
    for name, expected in comparison.hashes.items():
        path = folder.root / name
        if not path.is_file() or digest(path) != expected:
            notice(
                f"{comparison.path} is stale and left out of the report: {path} is gone or no "
                f"longer the file that was compared. {again(comparison)}"
            )
            return True
    return False


def _belongs(study: Study, group: Group) -> bool:
    made_on = (study.store, study.fingerprint, study.protocol, study.subset)
    if made_on != (group.store, group.fingerprint, group.protocol, group.terms.subset):
        return False
    if isinstance(study, Comparison):
        return any(_is_of(one.method, one.preset, one.settings, group) for one in study.methods)
    if isinstance(study, Ablation):
        return _fits(study, group)
    return True


def _is_of(method: str, preset: str, settings: Mapping[str, Any], group: Group) -> bool:
    return group.get(method) is not None and Terms.parse(preset, settings).agree(group.terms)


def _fits(ablation: Ablation, group: Group) -> bool:
    """Whether it was made as the group's results; calibration changes no decision."""
    terms = Terms.parse(ablation.preset, ablation.settings)
    if not replace(terms, calibrate=group.terms.calibrate).agree(group.terms):
        return False
    result = group.get(ablation.method)
    # The number of folds is told by the description alone.
    return result is None or result.description == ablation.description


def again(study: Study) -> str:
    """What to run to make it anew."""
    if isinstance(study, Comparison):
        command = " ".join(["compare", *(one.label for one in study.methods)])
    elif isinstance(study, Ablation):
        command = f"ablate {study.method}"
    else:
        command = "audit"
    return f"Run `memr {command} --protocol {study.protocol}` again."
