"""The benchmark's own arithmetic and pages, and that both sides of its longest race do equal work.

That each race runs is in test_benchmark_races.py.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plain_loop import folds, load, majority, run
from race_plan import Plan
from race_programs import CAN_CHILL, Program
from race_tables import as_json, as_markdown, in_short
from races import NO_TARGET, Outcome, Race, Ratio, Run, Target, order, run_race
from run_races import RACES, chosen, command

SCORED = json.dumps({"method": "late", "metrics": {"f1_micro": {"mean": 0.5}}, "seconds": 0.25})
MAKEFILE = Path(__file__).parents[2] / "Makefile"


def program(name: str, code: str, *clears: Path) -> Program:
    return Program(name, (sys.executable, "-c", code), clears)


def race(*contenders: Program, target: Target = NO_TARGET, rounds: int = 2) -> Race:
    first, *others = [each.name for each in contenders]
    ratio = Ratio("ours / theirs", first, tuple(others), "lower", target=target, in_short=True)
    return Race("a race", "what", contenders, (ratio,), rounds, warm_ups=1)


def outcome(target: Target = NO_TARGET, **walls: list[float]) -> Outcome:
    runs = {
        name: [Run({"wall": wall, "peak": 2.0**20}, {"late": 0.5}) for wall in taken]
        for name, taken in walls.items()
    }
    return Outcome(race(*(program(name, "") for name in walls), target=target), runs)


def values(made: Outcome) -> list[float]:
    return made.ratio(made.race.ratios[0])


def test_contenders_take_turns_in_going_first() -> None:
    three = [program(name, "") for name in "abc"]
    firsts = [[each.name for each in order(three, number)] for number in range(4)]
    assert firsts == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_ratios_are_taken_within_rounds() -> None:
    # The machine slowed down threefold after the first round; the ratio does not notice.
    assert values(outcome(ours=[1.0, 3.0], theirs=[2.0, 6.0])) == [0.5, 0.5]


def test_of_several_the_one_with_the_lowest_median_counts_in_every_round() -> None:
    made = outcome(ours=[6.0, 6.0, 6.0], one=[1.0, 4.0, 4.0], other=[3.0, 3.0, 3.0])
    assert values(made) == [2.0, 2.0, 2.0]
    (written,) = as_json([made], {}, {})["races"]
    assert written["ratios"][0]["to"] == "other"


def test_a_ratio_to_nobody_is_taken_to_a_unit() -> None:
    made = outcome(ours=[1.0])
    assert made.ratio(Ratio("", "ours", (), "lower", figure="peak", unit=2.0**19)) == [2.0]


def test_a_race_counts_its_rounds_but_not_the_warm_up(tmp_path: Path) -> None:
    log = tmp_path / "log"
    write = f"open({str(log)!r}, 'a').write"
    told: list[str] = []
    first = program("first", f"{write}('1')")
    ran = run_race(race(first, program("second", f"{write}('2')")), told.append)
    assert log.read_text() == "211221"
    assert {name: len(runs) for name, runs in ran.runs.items()} == {"first": 2, "second": 2}
    assert told[-1] == "a race, round 2 of 2: first"


def test_what_a_program_made_before_is_removed(tmp_path: Path) -> None:
    made = tmp_path / "made"
    once = program("once", f"__import__('os').mkdir({str(made)!r})", made, tmp_path / "none")
    once.run()
    assert once.run().figures["wall"] > 0


@pytest.mark.skipif(not CAN_CHILL, reason="the system takes no advice about its memory")
def test_what_was_put_out_of_memory_is_still_there(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_text("content")
    chilled = Program("", (sys.executable, "-c", ""), chills=(tmp_path,))
    chilled.run()
    assert (folder / "file").read_text() == "content"


def test_a_program_is_asked_for_its_scores_and_for_its_own_clock() -> None:
    ran = program("scores", f"print({SCORED!r}); print({SCORED!r})").run()
    assert ran.figures["inside"] == 0.5
    assert ran.scores == {"late": 0.5}
    assert "inside" not in program("says nothing", "print('good day')").run().figures


def test_a_program_that_fails_stops_the_race() -> None:
    with pytest.raises(RuntimeError, match=r"exited with 3:\n.*why"):
        program("fails", "import sys; sys.stderr.write('why'); sys.exit(3)").run()


def test_the_outputs_hold_ratio_target_figures_and_scores() -> None:
    made = [outcome(Target(at_most=1.5), ours=[1.0, 2.0, 4.0], theirs=[2.0, 2.0, 2.0])]
    content = json.loads(json.dumps(as_json(made, {"python": "3"}, {"runs": 3})))
    (written,) = content["races"]
    (ratio,) = written["ratios"]
    assert (ratio["rounds"], ratio["median"]) == ([0.5, 1.0, 2.0], 1.0)
    assert ratio["target"] == {"at_least": None, "at_most": 1.5}
    assert written["contenders"]["ours"]["wall"] == [1.0, 2.0, 4.0]
    assert written["f1_micro"] == {"ours": {"late": 0.5}, "theirs": {"late": 0.5}}
    page = as_markdown(made, {"python": "3"}, {"runs": 3})
    assert "| ours / theirs | 1.00 | 0.50 | 2.00 | 3 | lower | at most 1.5 |" in page
    assert "| ours | 50.0 |" in page
    assert "| ours | 2.00 | 1.00 |" in page  # seconds and MiB
    short = in_short(made, "make bench", "a machine")
    assert "| ours / theirs | 1.00 | 0.50 to 2.00 | at most 1.5 |" in short
    assert "`make bench`, on a machine:" in short


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(at_least=4), "at least 4"),
        (Target(at_most=1.5), "at most 1.5"),
        (Target(0.8, 1.2), "0.8 to 1.2"),
        (NO_TARGET, "-"),
    ],
)
def test_a_target_says_which_way_it_goes(target: Target, words: str) -> None:
    assert str(target) == words


def test_only_takes_names_of_races() -> None:
    assert chosen("") == tuple(RACES)
    assert chosen("table, start-up") == ("start-up", "table")
    with pytest.raises(ValueError, match="no race rockets"):
        chosen("rockets")


def test_the_makefile_lists_the_races() -> None:
    listed = re.search(r"^RACES := (.*)$", MAKEFILE.read_text(), re.MULTILINE)
    assert listed is not None
    assert listed[1].split(", ") == list(RACES)


def test_the_command_repeats_what_was_not_the_default() -> None:
    usual = {"runs": 5, "epochs": 50, "long_gb": 2.0, "device": "cpu", "only": ""}
    assert command(argparse.Namespace(**usual)) == "make bench"
    asked = usual | {"runs": 1, "long_gb": 0.5, "device": "cuda", "only": "long"}
    assert command(argparse.Namespace(**asked)) == (
        "make bench RUNS=1 LONG_GB=0.5 DEVICE=cuda ONLY='long'"
    )


def test_a_device_is_named_to_memr_only_where_it_is_not_the_default(tmp_path: Path) -> None:
    assert "--device" not in Plan(tmp_path).evaluate("--seeds", "2")
    assert Plan(tmp_path, device="cuda").evaluate("--seeds", "2")[-2:] == ("--device", "cuda")


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
