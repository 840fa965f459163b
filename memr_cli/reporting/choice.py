"""The options of a report: the methods, metrics and digits that its tables show."""

from collections.abc import Sequence
from dataclasses import dataclass

from memr_cli.errors import UsageError
from memr_cli.evaluation.metrics import REGISTRY, Metric, Table, metrics_of
from memr_cli.vocabulary import ALIASES

MOST_DIGITS = 4


@dataclass(frozen=True)
class Choice:
    """methods: empty for all. digits: behind the point of a percentage; None: each table's own."""

    methods: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = metrics_of(Table.REPORT)
    digits: int | None = None


def choose(methods: Sequence[str], metrics: Sequence[str], digits: int | None) -> Choice:
    """Return the options of a report. Raises UsageError for one that has no effect or no meaning.

    metrics: keys of the registry, in the order of columns; empty for those of every report.
    """
    named = tuple(ALIASES.get(method, method) for method in methods)
    for option, names in (("method", named), ("metric", metrics)):
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise UsageError(f"--{option} {twice[0]} is given twice; name it once.")
    known = {metric.key: metric for metric in REGISTRY}
    for key in metrics:
        if key not in known:
            raise UsageError(f"--metric is {key}; give one of {', '.join(known)}.")
    if digits is not None and not 0 <= digits <= MOST_DIGITS:
        raise UsageError(f"--digits is {digits}; give a number from 0 to {MOST_DIGITS}.")
    chosen = tuple(known[key] for key in metrics)
    return Choice(named, chosen or metrics_of(Table.REPORT), digits)
