from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.evaluation.shapley import shapley

games = st.integers(1, 5).flatmap(
    lambda n_players: hnp.arrays(np.float64, (1 << n_players, 2), elements=st.floats(-10, 10))
)


def by_orders(values: np.ndarray) -> np.ndarray:
    """What each player adds to those before it, averaged over all orders."""
    n_players = len(values).bit_length() - 1
    added = np.zeros((n_players, *values.shape[1:]))
    orders = list(permutations(range(n_players)))
    for order in orders:
        before = 0
        for player in order:
            added[player] += values[before | 1 << player] - values[before]
            before |= 1 << player
    return added / len(orders)


def test_a_game_of_three_by_hand() -> None:
    """One left glove (player 0) and two right ones: a pair is worth 1.

    The left one finds a right one waiting unless it comes first: 2/3. Each right one makes a pair
    where the left one is there and the other is not: in 1 of the 6 orders.
    """
    pair = [bool(c & 1 and c & 0b110) for c in range(8)]
    np.testing.assert_allclose(shapley(np.array(pair, np.float64)), [2 / 3, 1 / 6, 1 / 6])


@given(games)
def test_it_is_the_mean_over_all_orders_in_which_players_come(values: np.ndarray) -> None:
    np.testing.assert_allclose(shapley(values), by_orders(values), atol=1e-9)


@given(games)
def test_values_sum_to_what_all_have_beyond_none(values: np.ndarray) -> None:
    np.testing.assert_allclose(shapley(values).sum(axis=0), values[-1] - values[0], atol=1e-9)


@given(hnp.arrays(np.float64, (2, 8), elements=st.floats(-10, 10)))
def test_players_that_add_the_same_everywhere_are_worth_the_same(halves: np.ndarray) -> None:
    numbers = np.arange(32)
    # Coalitions of 4 others, players 0 and 1 exchangeable: only how many of the two are in counts.
    n_of_both = (numbers & 1) + (numbers >> 1 & 1)
    worths = np.stack([halves[0], halves[1], halves[0] - halves[1]])
    found = shapley(worths[n_of_both, numbers >> 2])
    assert found[0] == pytest.approx(found[1], abs=1e-9)


@given(games)
def test_who_adds_nothing_is_worth_nothing(values: np.ndarray) -> None:
    with_an_idle_one = np.concatenate([values, values])
    found = shapley(with_an_idle_one)
    np.testing.assert_allclose(found[-1], 0, atol=1e-9)
    np.testing.assert_allclose(found[:-1], shapley(values), atol=1e-9)
