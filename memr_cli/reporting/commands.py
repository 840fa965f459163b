"""The commands that make results and studies again."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from memr_cli.reporting.groups import Group, Terms
from memr_cli.results.ablation import Ablation
from memr_cli.results.audit import Audit
from memr_cli.results.comparison import ComparedMethod, Comparison
from memr_cli.results.schema import Value


def compare(comparison: Comparison) -> list[str]:
    """Return the command; a method of another folder is named by the path of its metrics."""
    names = [
        one.method if is_here(one, comparison.protocol.name) else one.metrics or one.label
        for one in comparison.methods
    ]
    across = [word for name in unlike_in(comparison) for word in ("--across", name)]
    return ["compare", *names, "--protocol", comparison.protocol.name, *across]


def unlike_in(comparison: Comparison) -> list[str]:
    """Return the settings in which methods differ, for `--across`: normalize, ensemble."""
    made = [(one, Terms.of(one)) for one in comparison.methods]
    normalize = any(
        one.normalize[name] != other.normalize[name]
        for (_, one), (_, other) in combinations(made, 2)
        for name in one.normalize.keys() & other.normalize.keys()
    )
    ensemble = len({terms.ensemble for one, terms in made if not one.votes}) > 1
    return ["normalize"] * normalize + ["ensemble"] * ensemble


def is_here(one: ComparedMethod, protocol: str) -> bool:
    """Whether the result of a method that was compared is in the folder of the comparison."""
    return one.metrics in ("", f"metrics/{protocol}/{one.method}.json")


def again(study: Comparison | Ablation | Audit, group: Group | None = None) -> str:
    """Return the command in backticks, with the settings of a group's results if one is given."""
    if isinstance(study, Comparison):
        words = compare(study)
    elif group is None:
        words = ["audit"] if not isinstance(study, Ablation) else ["ablate", study.method]
        words += ["--protocol", study.protocol.name]
    else:
        words = ablate(study, group) if isinstance(study, Ablation) else audit(group)
    return typed(words)


def typed(words: Sequence[str]) -> str:
    """A command of memr in backticks."""
    return f"`{shlex.join(['memr', *words])}`"


def evaluate(group: Group) -> list[str]:
    """Return the command that makes the results of a group."""
    methods = [word for method in group.methods for word in ("--method", method)]
    return ["evaluate", *options(group, group.terms), *methods]


def ablate(ablation: Ablation, group: Group) -> list[str]:
    """Return the command of an ablation with the settings of a group."""
    retrain = ["--retrain"] if any(one.retrained for one in ablation.subsets) else []
    result = group.get(ablation.method)
    terms = group.terms if result is None else Terms.of(result)
    asked = options(group, replace(terms, calibrate=None, ensemble=False))
    return ["ablate", ablation.method, *retrain, *asked]


def audit(group: Group) -> list[str]:
    """Return the command of an audit of the data that a group was tested on."""
    return ["audit", *_tested(group), *_subset(group.terms)]


def options(group: Group, terms: Terms) -> list[str]:
    """The options that `memr evaluate` and others take alike, for results of these terms."""
    words = [*_tested(group), "--preset", terms.preset, "--seed", str(terms.seeds[0])]
    if len(terms.seeds) > 1:
        words += ["--seeds", str(len(terms.seeds)), *["--ensemble"] * terms.ensemble]
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


def _option(option: str, value: Value) -> list[str]:
    name = option.removeprefix("--").replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", str(value)]
