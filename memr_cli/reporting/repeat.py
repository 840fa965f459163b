"""The settings of a group in one list, and the commands that make its results again."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from memr_cli.reporting.groups import Group
from memr_cli.reporting.studies import asking
from memr_cli.reporting.studies.comparison import Comparison
from memr_cli.reporting.studies.loading import Studies
from memr_cli.reporting.terms import Terms

# Said elsewhere in the report. `members` repeats the settings of the methods that a vote rests on.
_ELSEWHERE = {
    *("members", "modalities", "overrides", "seed", "seeds", "versions"),
    *("subset", "normalize", "calibrate", "ensemble"),
}


def settings(group: Group) -> list[tuple[str, str]]:
    """Name and value of every setting; where methods differ, the value of each."""
    names = dict.fromkeys(
        name for result in group.results for name in result.setting_values if name not in _ELSEWHERE
    )
    terms = group.terms
    features = (f"{name} {how}" for name, how in terms.normalize.items())
    return [
        *((name, _value_by_method(group, name)) for name in names),
        ("subset", terms.subset),
        ("normalize", ", ".join(features)),
        ("calibrate", text(terms.calibrate)),
        ("ensemble", text(terms.ensemble)),
    ]


def _value_by_method(group: Group, name: str) -> str:
    holders: dict[str, list[str]] = {}
    for result in group.results:
        if name in result.setting_values:
            holders.setdefault(text(result.setting_values[name]), []).append(result.method)
    if len(holders) == 1:
        return next(iter(holders))
    return "; ".join(f"{', '.join(methods)}: {value}" for value, methods in holders.items())


def text(value: Any) -> str:
    """A setting's value for people."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(text, value)) or "none"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def commands(group: Group, studies: Studies) -> list[str]:
    """What to type to make the results, their studies and the report again from the store."""
    lines = [asking.evaluate(group)]
    for comparison in studies.comparisons:
        lines += _elsewhere(group, comparison)
        lines.append(asking.compare(comparison))
    lines += [asking.ablate(one, group) for one in studies.ablations]
    if studies.audit is not None:
        lines.append(asking.audit(group))
    lines.append(["report"])
    return [
        shlex.join(["memr", command, *arguments, "--store", group.store])
        for command, *arguments in lines
    ]


def _elsewhere(group: Group, comparison: Comparison) -> Iterator[list[str]]:
    """How the results of other folders are made."""
    for one in comparison.methods:
        out, _, rest = one.metrics.rpartition("/metrics/")
        if rest and not asking.is_here(one, group.protocol):
            asked = asking.options(group, Terms.of(one.preset, one.settings))
            yield ["evaluate", *asked, "--method", one.method, "--out", out]
