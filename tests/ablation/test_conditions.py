"""The conditions of an ablation: coalitions, and what is drawn for noise and loss."""

from pathlib import Path

import numpy as np
import pytest

from memr_cli.ablation.conditions import chances, coalitions, members_of, noise, noisy
from memr_cli.ablation.decisions import most_frequent
from memr_cli.data.dataset import open_dataset
from memr_cli.vocabulary import MODALITIES
from store.reader import Store

ALL = MODALITIES


def test_coalitions_come_by_size_then_in_the_order_of_modalities() -> None:
    named = [members_of(number, ALL) for number in coalitions(3)]
    pairs = [["visual", "acoustic"], ["visual", "lexical"], ["acoustic", "lexical"]]
    assert named == [[], ["visual"], ["acoustic"], ["lexical"], *pairs, list(ALL)]


def test_draws_are_the_same_every_time_and_differ_by_fold_draw_and_modality() -> None:
    drawn = {
        (name, fold, draw): noise(name, fold, draw, (50, 4))
        for name in ALL
        for fold in (0, 1)
        for draw in (0, 1)
    }
    for (name, fold, draw), first in drawn.items():
        np.testing.assert_array_equal(noise(name, fold, draw, (50, 4)), first)
        assert sum(np.array_equal(first, other) for other in drawn.values()) == 1
    assert np.concatenate(list(drawn.values())).std() == pytest.approx(1, abs=0.05)
    assert not np.array_equal(chances("visual", 0, 0, 9), chances("visual", 0, 1, 9))
    np.testing.assert_array_equal(chances("visual", 0, 0, 9), chances("visual", 0, 0, 9))


def test_every_condition_of_noise_occurs_once_draw_by_draw() -> None:
    found = noisy(ALL)
    assert len(set(found)) == len(found) == 3 * 4 * 4
    assert [condition.draw for condition in found] == sorted(c.draw for c in found)


def test_noise_is_added_where_a_modality_is_and_changes_nothing_else(small_store: Path) -> None:
    rows = np.arange(40, 140)
    with Store.open(small_store) as store:
        data = open_dataset(store, ALL)
        unit = noise("acoustic", 0, 0, (100, 8))
        shown, before = data.excerpt(rows, added={"acoustic": unit}), data.excerpt(rows)
        lacking = ~before.present["acoustic"]
        assert lacking.any()
        change = shown.features(["acoustic"]) - before.features(["acoustic"])
        np.testing.assert_allclose(change[~lacking], unit[~lacking], atol=1e-4)
        assert np.isnan(change[lacking]).all()
        np.testing.assert_array_equal(shown.present["acoustic"], before.present["acoustic"])
        for name in ("visual", "lexical"):
            np.testing.assert_array_equal(shown.features([name]), before.features([name]))


def test_of_equally_frequent_classes_the_first_is_the_most_frequent(small_store: Path) -> None:
    with Store.open(small_store) as store:
        data = open_dataset(store, ALL)
        label = data.columns.label
        third, second = (np.flatnonzero(label == code)[:5] for code in (2, 1))
        assert most_frequent(data, np.sort(np.concatenate([third, second]))) == 1
        assert most_frequent(data, np.sort(np.concatenate([third, second[:4]]))) == 2
