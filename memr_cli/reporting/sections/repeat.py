"""Protocol, folds, settings, and the commands that make the results again."""

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from memr_cli.reporting import commands, words
from memr_cli.reporting.groups import Group, Terms
from memr_cli.reporting.loading import Studies
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.tables import Captioned, Table
from memr_cli.results.comparison import Comparison
from memr_cli.results.schema import to_json

_MOST_NAMES = 40


def _repeating(group: Group) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in group.reference.versions.items())
    return (
        f"From {group.store} with the fingerprint above, run in the folder that it lies in"
        f"{f', with {versions}' if versions else ''}, these commands make the same again."
    )


def _folds(group: Group) -> Table:
    validated = any(fold.validation for fold in group.folds)
    head = ["Fold", "Test speakers", *(["Validation speakers"] if validated else []), "n test"]
    head += [*(["n validation"] if validated else []), "n training"]
    rows = []
    for number, fold in enumerate(group.folds):
        cells = [str(number), _few(fold.test)]
        cells += [_few(fold.validation)] * validated + [words.whole(fold.n_test)]
        cells += [words.whole(fold.n_validation)] * validated + [words.whole(fold.n_train)]
        rows.append(tuple(cells))
    return Table(tuple(head), tuple(rows), left=2 + validated)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES]) or words.ABSENT
    rest = len(names) - _MOST_NAMES
    return f"{shown} and {rest} more" if rest > 0 else shown


def _folds_caption(group: Group) -> str:
    text = "Who is tested in each fold, with numbers of labelled utterances"
    if len({result.n for result in group.results}) > 1:
        text += f", as {group.reference.method} uses them"
    if not any(fold.validation for fold in group.folds):
        return f"{text}. No validation part: nothing was chosen on held-out speakers."
    if any(result.settings.refit for result in group.results):
        return (
            f"{text}. Validation speakers chose the number of epochs; "
            "the final weights were then trained on all training speakers, these among them."
        )
    return f"{text}. Validation speakers chose the number of epochs."


# Said elsewhere in the report. `members` repeats the settings of the methods that a vote rests on.
_ELSEWHERE = {
    *("members", "modalities", "overrides", "seed", "seeds", "versions"),
    *("subset", "normalize", "calibrate", "ensemble"),
}


def settings(group: Group) -> list[tuple[str, str]]:
    """Name and value of every setting; where methods differ, the value of each."""
    names = dict.fromkeys(
        name
        for result in group.results
        for name in to_json(result.settings)
        if name not in _ELSEWHERE
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
        values = to_json(result.settings)
        if name in values:
            holders.setdefault(text(values[name]), []).append(result.method)
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


def _commands(group: Group, studies: Studies) -> list[str]:
    """What to type to make the results, their studies and the report again from the store."""
    lines = [commands.evaluate(group)]
    for comparison in studies.comparisons:
        lines += _elsewhere(group, comparison)
        lines.append(commands.compare(comparison))
    lines += [commands.ablate(one, group) for one in studies.ablations]
    if studies.audit is not None:
        lines.append(commands.audit(group))
    lines.append(["report"])
    return [
        shlex.join(["memr", command, *arguments, "--store", group.store])
        for command, *arguments in lines
    ]


def _elsewhere(group: Group, comparison: Comparison) -> Iterator[list[str]]:
    """How the results of other folders are made."""
    for one in comparison.methods:
        out, _, rest = one.metrics.rpartition("/metrics/")
        if rest and not commands.is_here(one, group.protocol):
            asked = commands.options(group, Terms.of(one))
            yield ["evaluate", *asked, "--method", one.method, "--out", out]


def repeat(context: Context) -> list[Part]:
    """The folds, the settings, and the commands that make the results again."""
    group = context.group
    versions = group.reference.versions.items()
    described = f"{group.protocol}: {group.description}."
    folds = Captioned(_folds(group), "Folds", _folds_caption(group), folded=False)
    values = (*settings(group), *((f"{name} version", value) for name, value in versions))
    lines = tuple(_commands(group, context.studies))
    return [
        Part("folds", "Protocol and folds", described, tables=(folds,), folded=True),
        Part("settings", "Settings", settings=values, folded=True),
        Part("repeat", "How to repeat it", _repeating(group), commands=lines, folded=True),
    ]
