"""The benchmark's own arithmetic, and that both sides of its longest race do the same work."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_loop import folds, load, majority, run
from race_tables import as_json, as_markdown
from races import Contender, Outcome, Race, Run, order, run_race, timed
from run_races import RACES, chosen

SCORED = json.dumps({"method": "late", "metrics": {"f1_micro": {"mean": 0.5}}})


def contender(name: str, code: str, *clears: Path) -> Contender:
    return Contender(name, (sys.executable, "-c", code), clears)


def race(*contenders: Contender, rounds: int = 2) -> Race:
    names = [each.name for each in contenders]
    return Race("a race", "what", contenders, ((names[0], names[-1]),), rounds, warm_ups=1)


def outcome(ours: list[float], theirs: list[float], output: str = "") -> Outcome:
    runs = {
        name: [Run(wall, 2 * wall, 2**20, output) for wall in walls]
        for name, walls in (("ours", ours), ("theirs", theirs))
    }
    return Outcome(race(contender("ours", ""), contender("theirs", "")), runs)


def test_contenders_take_turns_in_going_first() -> None:
    three = [contender(name, "") for name in "abc"]
    firsts = [[each.name for each in order(three, number)] for number in range(4)]
    assert firsts == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_ratios_are_taken_within_rounds() -> None:
    # The machine slowed down threefold after the first round; the ratio does not notice.
    assert outcome([1.0, 3.0], [2.0, 6.0]).ratio("ours", "theirs") == [0.5, 0.5]


def test_a_race_counts_its_rounds_but_not_the_warm_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write = f"open({str(log)!r}, 'a').write"
    told: list[str] = []
    first = contender("first", f"{write}('1')")
    run = run_race(race(first, contender("second", f"{write}('2')")), told.append)
    assert log.read_text() == "211221"
    assert {name: len(runs) for name, runs in run.runs.items()} == {"first": 2, "second": 2}
    assert len(told) == 3


def test_what_a_contender_made_before_is_removed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    once = contender("once", f"__import__('os').mkdir({str(made)!r})", made, tmp_path / "none")
    timed(once)
    assert timed(once).wall > 0


def test_a_contender_that_fails_stops_the_race() -> None:
    with pytest.raises(RuntimeError, match=r"exited with 3:\n.*why"):
        timed(contender("fails", "import sys; sys.stderr.write('why'); sys.exit(3)"))


def test_both_outputs_hold_the_ratio_and_the_scores() -> None:
    outcomes = [outcome([1.0, 2.0, 4.0], [2.0, 2.0, 2.0], SCORED)]
    content = json.loads(json.dumps(as_json(outcomes, {"python": "3"}, {"runs": 3})))
    (written,) = content["races"]
    assert written["ratios"] == [
        {"of": "ours", "to": "theirs", "rounds": [0.5, 1.0, 2.0], "median": 1.0}
    ]
    assert written["f1_micro"] == {"ours": {"late": 0.5}, "theirs": {"late": 0.5}}
    page = as_markdown(outcomes, {"python": "3"}, {"runs": 3})
    assert "| ours / theirs | 1.00 | 0.50 | 2.00 | 3 |" in page
    assert "| ours | 50.0 |" in page


def test_only_takes_names_of_races() -> None:
    assert chosen("") == RACES
    assert chosen("evaluate, start-up") == ("start-up", "evaluate")
    with pytest.raises(ValueError, match="no race rockets"):
        chosen("rockets")


def test_the_plain_loop_scores_the_rows_that_preset_original_scores(
    small_store: Path, memr: Callable[..., Any]
) -> None:
    asked = ("--preset", "original", "--epochs", "1", "--store", small_store)
    results = memr("evaluate", *asked).lines
    tested = {tuple(tuple(f["test"]) for f in result["protocol"]["folds"]) for result in results}
    corpus = load(small_store)
    plain = {tuple(tuple(np.unique(corpus.speaker[test])) for test in folds(corpus))}
    assert plain == tested
    scored = [(line["method"], line["n"]) for line in run(corpus, 1, "reuse")]
    assert scored == [(result["method"], result["n"]) for result in results]


def test_the_plain_vote_gives_ties_to_the_first_class() -> None:
    votes = np.array([[2, 0, 1], [1, 0, 1], [0, 3, 2]])
    assert majority(votes, 4).tolist() == [0, 0, 1]
