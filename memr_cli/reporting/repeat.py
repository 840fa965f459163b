"""The settings of a group in one list, and the commands that make its results again."""

import json
import shlex
from typing import Any

from memr_cli.reporting.groups import Group

# Said elsewhere in the report. `members` repeats the settings of the methods that a vote rests on.
_ELSEWHERE = {"members", "modalities", "overrides", "seed", "seeds", "versions"}


def settings(group: Group) -> list[tuple[str, str]]:
    """Name and value of every setting; where methods differ, the value of each."""
    names = dict.fromkeys(
        name for result in group.results for name in result.settings if name not in _ELSEWHERE
    )
    return [(name, _value_by_method(group, name)) for name in names]


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


def commands(group: Group) -> list[str]:
    """What to type to make the results and the report again from the store."""
    words = ["memr", "evaluate", "--store", group.store, "--protocol", group.protocol]
    if group.protocol == "speaker":
        words += ["--folds", str(len(group.folds))]
    words += ["--preset", group.preset, "--seed", str(group.seeds[0])]
    if len(group.seeds) > 1:
        words += ["--seeds", str(len(group.seeds))]
    for option, value in sorted(group.overrides.items()):
        words += _option(option, value)
    for method in group.methods:
        words += ["--method", method]
    return [shlex.join(words), shlex.join(["memr", "report", "--store", group.store])]


def _option(option: str, value: Any) -> list[str]:
    name = option.removeprefix("--").replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, list):
        return [word for entry in value for word in (f"--{name}", str(entry))]
    return [f"--{name}", str(value)]
