"""What races gave, as JSON and as a Markdown page."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from races import Outcome

MIB = 1024 * 1024


def as_json(
    outcomes: Sequence[Outcome], machine: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Every figure of every round."""
    return {
        "schema": "memr.bench/1",
        "machine": dict(machine),
        "settings": dict(settings),
        "races": [_race(outcome) for outcome in outcomes],
    }


def _race(outcome: Outcome) -> dict[str, Any]:
    race = outcome.race
    return {
        "name": race.name,
        "what": race.what,
        "contenders": {
            contender.name: {
                "command": list(contender.command),
                "wall_seconds": [run.wall for run in outcome.runs[contender.name]],
                "cpu_seconds": [run.cpu for run in outcome.runs[contender.name]],
                "peak_bytes": [run.peak for run in outcome.runs[contender.name]],
            }
            for contender in race.contenders
        },
        "ratios": [
            {
                "of": over,
                "to": under,
                "rounds": outcome.ratio(over, under),
                "median": statistics.median(outcome.ratio(over, under)),
            }
            for over, under in race.ratios
        ],
        "f1_micro": outcome.scores(),
    }


def as_markdown(
    outcomes: Sequence[Outcome], machine: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """A page for people: ratios first, then seconds, then the scores that show equal work."""
    said = [f"- {name}: {value}" for name, value in {**machine, **settings}.items()]
    return "\n".join(
        [
            "# memr beside plain programs",
            "",
            "Wall time of whole processes, from start to end. A ratio is taken within each round;",
            "below 1, the first program is the faster one.",
            "",
            *_table(("ratio of wall times", "median", "lowest", "highest", "rounds"), outcomes),
            "",
            *_seconds(outcomes),
            "",
            *_scores(outcomes),
            *said,
            "",
        ]
    )


def _table(header: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
    rows = []
    for outcome in outcomes:
        for over, under in outcome.race.ratios:
            values = outcome.ratio(over, under)
            figures = [statistics.median(values), min(values), max(values)]
            shown = [f"{figure:.2f}" for figure in figures]
            rows.append([f"{over} / {under}", *shown, str(len(values))])
    return markdown(header, rows)


def _seconds(outcomes: Sequence[Outcome]) -> list[str]:
    rows = [
        [
            outcome.race.name,
            name,
            f"{outcome.median(name, 'wall'):.2f}",
            f"{outcome.median(name, 'cpu'):.2f}",
            f"{outcome.median(name, 'peak') / MIB:.0f}",
        ]
        for outcome in outcomes
        for name in outcome.runs
    ]
    return markdown(("race", "program", "wall s", "processor s", "peak MiB"), rows)


def _scores(outcomes: Sequence[Outcome]) -> list[str]:
    """One row a program, where a race has several that score; the first gives the columns."""
    comparable = [outcome.scores() for outcome in outcomes if len(outcome.scores()) > 1]
    scores = {name: found for of_race in comparable for name, found in of_race.items()}
    if not scores:
        return []
    methods = list(next(iter(scores.values())))
    rows = [
        [name, *(f"{100 * found[method]:.1f}" if method in found else "-" for method in methods)]
        for name, found in scores.items()
    ]
    return [*markdown(("mean F1-micro, percent", *methods), rows), ""]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; all columns but the first to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
