"""The settings of a group in one list, and the commands that make its results again."""

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

from memr_cli.reporting.groups import Group
from memr_cli.reporting.studies.comparison import Compared, Comparison
from memr_cli.reporting.studies.loading import Studies
from memr_cli.reporting.terms import Terms

# Said elsewhere in the report. `members` repeats the settings of the methods that a vote rests on.
_ELSEWHERE = {
    *("members", "modalities", "overrides", "seed", "seeds", "versions"),
    *("subset", "normalize", "calibrate"),
}


def settings(group: Group) -> list[tuple[str, str]]:
    """Name and value of every setting; where methods differ, the value of each."""
    names = dict.fromkeys(
        name for result in group.results for name in result.settings if name not in _ELSEWHERE
    )
    terms = group.terms
    features = (f"{name} {how}" for name, how in terms.normalize.items())
    return [
        *((name, _value_by_method(group, name)) for name in names),
        ("subset", terms.subset),
        ("normalize", ", ".join(features)),
        ("calibrate", text(terms.calibrate)),
    ]


def _value_by_method(group: Group, name: str) -> str:
    holders: dict[str, list[str]] = {}
    for result in group.results:
        if name in result.settings:
            holders.setdefault(text(result.settings[name]), []).append(result.method)
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
    methods = [word for method in group.methods for word in ("--method", method)]
    lines = [["evaluate", *_asked(group, group.terms), *methods]]
    for comparison in studies.comparisons:
        lines += _elsewhere(group, comparison)
        lines.append(_compare(group, comparison))
    for ablation in studies.ablations:
        terms = Terms.parse(ablation.preset, ablation.settings)
        retrain = ["--retrain"] if any(one.retrained for one in ablation.subsets) else []
        asked = _asked(group, replace(terms, calibrate=None))
        lines.append(["ablate", ablation.method, *retrain, *asked])
    if studies.audit is not None:
        lines.append(["audit", *_tested(group), *_subset(group.terms)])
    lines.append(["report"])
    return [
        shlex.join(["memr", command, *arguments, "--store", group.store])
        for command, *arguments in lines
    ]


def _asked(group: Group, terms: Terms) -> list[str]:
    """The options that `memr evaluate` and others take alike, for results of these terms."""
    words = [*_tested(group), "--preset", terms.preset, "--seed", str(terms.seeds[0])]
    if len(terms.seeds) > 1:
        words += ["--seeds", str(len(terms.seeds))]
    for option, value in sorted(terms.overrides.items()):
        words += _option(option, value)
    words += _subset(terms)
    if terms.by_speaker and len(terms.by_speaker) == len(terms.normalize):
        words += ["--normalize", "speaker"]
    else:
        words += [word for name in terms.by_speaker for word in ("--normalize", f"{name}=speaker")]
    return words if terms.calibrate is None else [*words, "--calibrate", terms.calibrate]


def _tested(group: Group) -> list[str]:
    words = ["--protocol", group.protocol]
    return [*words, "--folds", str(len(group.folds))] if group.protocol == "speaker" else words


def _subset(terms: Terms) -> list[str]:
    return [] if terms.subset == "all" else ["--subset", terms.subset]


def _compare(group: Group, comparison: Comparison) -> list[str]:
    """A method of this folder by its name, one of another by the path of its metrics."""
    names = [
        one.method if _is_here(one, group) else one.metrics or one.label
        for one in comparison.methods
    ]
    terms = [Terms.parse(one.preset, one.settings) for one in comparison.methods]
    alike = all(
        one.normalize[name] == other.normalize[name]
        for one, other in combinations(terms, 2)
        for name in one.normalize.keys() & other.normalize.keys()
    )
    across = [] if alike else ["--across", "normalize"]
    return ["compare", *names, "--protocol", group.protocol, *across]


def _elsewhere(group: Group, comparison: Comparison) -> Iterator[list[str]]:
    """How the results of other folders are made."""
    for one in comparison.methods:
        out, _, rest = one.metrics.rpartition("/metrics/")
        if rest and not _is_here(one, group):
            asked = _asked(group, Terms.parse(one.preset, one.settings))
            yield ["evaluate", *asked, "--method", one.method, "--out", out]


def _is_here(one: Compared, group: Group) -> bool:
    return one.metrics in ("", f"metrics/{group.protocol}/{one.method}.json")


def _option(option: str, value: Any) -> list[str]:
    name = option.removeprefix("--").replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, list):
        return [word for entry in value for word in (f"--{name}", str(entry))]
    return [f"--{name}", str(value)]
