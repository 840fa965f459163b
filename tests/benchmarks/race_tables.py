"""What races gave: as JSON, as a Markdown page, and in short as a block for a README."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from races import FIGURES, Outcome, Ratio


def as_json(
    outcomes: Sequence[Outcome], machine: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Every figure of every round, in seconds and bytes."""
    return {
        "schema": "memr.bench/2",
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
                **{
                    figure: outcome.figures(contender.name, figure)
                    for figure in outcome.known(contender.name)
                },
            }
            for contender in race.contenders
        },
        "ratios": [_ratio(outcome, ratio) for ratio in race.ratios],
        "f1_micro": {name: dict(scores) for name, scores in outcome.scores().items()},
    }


def _ratio(outcome: Outcome, ratio: Ratio) -> dict[str, Any]:
    values = outcome.ratio(ratio)
    return {
        "what": ratio.what,
        "figure": ratio.figure,
        "of": ratio.over,
        "to": outcome.under(ratio) if ratio.under else ratio.unit,
        "rounds": values,
        "median": statistics.median(values),
        "better": ratio.better,
        "target": {"at_least": ratio.target.at_least, "at_most": ratio.target.at_most},
    }


def as_markdown(
    outcomes: Sequence[Outcome], machine: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """A page for people: ratios first, then what they were taken from, then scores."""
    said = [f"- {name}: {value}" for name, value in {**machine, **settings}.items()]
    return "\n".join(
        [
            "# memr beside plain programs",
            "",
            "A ratio is taken within each round, in which all sides run once, one after another.",
            "",
            *_ratios(outcomes),
            "",
            *_scores(outcomes),
            *(line for outcome in outcomes for line in _medians(outcome)),
            "## Where",
            "",
            *said,
            "",
        ]
    )


def in_short(outcomes: Sequence[Outcome], command: str, processor: str) -> str:
    """The ratios that matter most, and the command that makes them."""
    rows = [
        (
            ratio.what,
            shown(statistics.median(values)),
            f"{shown(min(values))} to {shown(max(values))}",
            str(ratio.target),
        )
        for outcome in outcomes
        for ratio in outcome.race.ratios
        for values in [outcome.ratio(ratio)]
        if ratio.in_short
    ]
    header = ("ratio", "median", "lowest to highest", "aim")
    return "\n".join([f"`{command}`, on {processor}:", "", *markdown(header, rows)])


def _ratios(outcomes: Sequence[Outcome]) -> list[str]:
    header = ("ratio", "median", "lowest", "highest", "rounds", "better", "target")
    rows = []
    for outcome in outcomes:
        for ratio in outcome.race.ratios:
            values = outcome.ratio(ratio)
            figures = [statistics.median(values), min(values), max(values)]
            rounds = str(len(values))
            better, target = ratio.better, str(ratio.target)
            rows.append([ratio.what, *map(shown, figures), rounds, better, target])
    return markdown(header, rows)


def _medians(outcome: Outcome) -> list[str]:
    """A race's figures, a contender a row."""
    names = list(outcome.runs)
    figures = [figure for figure in FIGURES if any(figure in outcome.known(name) for name in names)]
    rows = [
        [
            name,
            *(
                shown(outcome.median(name, figure) * FIGURES[figure][1])
                if figure in outcome.known(name)
                else "-"
                for figure in figures
            ),
        ]
        for name in names
    ]
    header = ("median", *(FIGURES[figure][0] for figure in figures))
    what = outcome.race.what
    return [
        f"## {outcome.race.name}",
        "",
        f"{what[0].upper()}{what[1:]}.",
        "",
        *markdown(header, rows),
        "",
    ]


def _scores(outcomes: Sequence[Outcome]) -> list[str]:
    """One row a program, where a race has several that score; the first gives the columns."""
    comparable = [outcome.scores() for outcome in outcomes if len(outcome.scores()) > 1]
    scores = [item for of_race in comparable for item in of_race.items()]
    if not scores:
        return []
    methods = list(scores[0][1])
    rows = [
        [name, *(f"{100 * found[method]:.1f}" if method in found else "-" for method in methods)]
        for name, found in scores
    ]
    return [*markdown(("mean F1-micro, percent", *methods), rows), ""]


def shown(figure: float) -> str:
    """Three digits, and none before the point left out."""
    return (
        f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; all columns but the first to the right."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
