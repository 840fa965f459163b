"""The simulation in small, with one seed: tests err about as often as they say.

Bounds are wide, since there are few runs; `simulate_significance.py` has the figures.
"""

from dataclasses import replace

import pytest
from simulate_significance import Tally, World, simulate, table, truth

SMALL = World("small", sessions=5, dialogues=8, utterances=6, by_dialogue=1.0)
RUNS = 30


@pytest.fixture(scope="module")
def equal() -> Tally:
    return simulate(SMALL, RUNS)


def test_equal_methods_are_seldom_told_apart(equal: Tally) -> None:
    assert equal.permutation <= 0.15 * RUNS
    assert equal.permutation_uar <= 0.15 * RUNS
    assert equal.corrected_t <= 0.15 * RUNS


def test_utterances_that_are_taken_for_independent_tell_equal_methods_apart(equal: Tally) -> None:
    assert equal.by_utterance > 2 * max(equal.permutation, 1)


def test_intervals_mostly_hold_the_truth(equal: Tally) -> None:
    assert equal.covered >= 0.85 * RUNS
    assert equal.covered_uar >= 0.85 * RUNS


def test_a_better_method_is_mostly_found() -> None:
    better = replace(SMALL, gain=1.5)
    assert truth(better) == pytest.approx(0.23, abs=0.03)
    tally = simulate(better, 20)
    assert tally.permutation >= 15
    assert tally.covered >= 15


def test_folds_that_share_training_rows_need_the_correction() -> None:
    tally = simulate(replace(SMALL, by_dialogue=0.5, trained=True), RUNS)
    assert tally.corrected_t <= 0.1 * RUNS
    assert tally.plain_t >= tally.corrected_t


def test_the_table_has_a_row_for_each_world(equal: Tally) -> None:
    header, _, row = table([equal]).splitlines()
    assert header.count("|") == row.count("|")
    assert row.startswith("| small | +0.0 |")
