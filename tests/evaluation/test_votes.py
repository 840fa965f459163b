import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.evaluation.fusion import majority


@st.composite
def ballots(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    n_classes, members, rows = draw(st.tuples(*[st.integers(1, 5)] * 3))
    decisions = draw(hnp.arrays(np.int64, (members, rows), elements=st.integers(0, n_classes - 1)))
    present = draw(hnp.arrays(bool, (members, rows)))
    present[0] |= ~present.any(axis=0)
    return np.where(present, decisions, -1), present, n_classes


@given(ballots())
def test_each_row_is_decided_as_by_bincount_over_its_present_members(
    case: tuple[np.ndarray, np.ndarray, int],
) -> None:
    decisions, present, n_classes = case
    winner, shares, tied = majority(decisions, present, n_classes)
    for row in range(decisions.shape[1]):
        cast = decisions[present[:, row], row]
        votes = np.bincount(cast, minlength=n_classes)
        assert winner[row] == votes.argmax()
        assert shares[row] == pytest.approx(votes / cast.size)
        assert tied[row] == (np.sort(votes)[-2:].tolist() == [votes.max()] * 2)


def test_ties_go_to_the_lowest_class_and_are_counted() -> None:
    decisions = np.array([[3, 2, 1, 0], [1, 2, 1, 1], [2, 0, 1, 2]])
    winner, shares, tied = majority(decisions, np.ones((3, 4), bool), 4)
    assert winner.tolist() == [1, 2, 1, 0]
    assert tied.tolist() == [True, False, False, True]
    assert shares[1] == pytest.approx([1 / 3, 0, 2 / 3, 0])


def test_a_row_that_nobody_votes_on_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody votes on 1 of 2 rows"):
        majority(np.zeros((2, 2), int), np.array([[True, False], [True, False]]), 3)


def test_no_rows_give_no_decisions() -> None:
    winner, shares, tied = majority(np.zeros((3, 0), int), np.ones((3, 0), bool), 4)
    assert (winner.size, shares.shape, tied.size) == (0, (0, 4), 0)
