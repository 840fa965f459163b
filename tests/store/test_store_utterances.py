from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.rules import label_index, speaker_index
from store.utterances import Utterances

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["F01", "F1", "M01", "é"]),
        st.none() | st.integers(0, 3),
        st.none() | st.sampled_from(["1", "10", "2"]),
        st.none() | st.integers(0, 50),
    ),
    max_size=20,
)


def arrange(rows: list[tuple[Any, ...]]) -> Utterances:
    return Utterances.arrange(
        ids=[f"u{row}" for row in range(len(rows))],
        speakers=[row[0] for row in rows],
        labels=[row[1] for row in rows],
        sessions=[row[2] for row in rows],
        dialogues=[None] * len(rows),
        turns=[row[3] for row in rows],
        splits=[None] * len(rows),
    )


@given(ROWS)
def test_rows_are_sorted_by_speaker_then_label_then_source_order(
    rows: list[tuple[Any, ...]],
) -> None:
    def key(row: int) -> tuple[Any, ...]:
        return rows[row][0], -1 if rows[row][1] is None else rows[row][1], row

    arranged = arrange(rows)
    assert arranged.source_row.tolist() == sorted(range(len(rows)), key=key)


@given(ROWS)
def test_every_row_keeps_its_values(rows: list[tuple[Any, ...]]) -> None:
    arranged = arrange(rows)
    assert len(arranged) == len(rows)
    for row, source in enumerate(arranged.source_row):
        speaker, label, session, turn = rows[source]
        assert arranged.ids[row] == f"u{source}"
        assert arranged.speakers[arranged.speaker[row]] == speaker
        assert arranged.label[row] == (-1 if label is None else label)
        assert arranged.turn[row] == (-1 if turn is None else turn)
        code = arranged.session[row]
        assert (None if code == -1 else arranged.sessions[code]) == session
        assert arranged.dialogue[row] == arranged.split[row] == -1


@given(ROWS)
def test_the_index_finds_exactly_the_rows_of_a_speaker_and_of_a_label(
    rows: list[tuple[Any, ...]],
) -> None:
    arranged = arrange(rows)
    for code, (start, stop) in enumerate(speaker_index(arranged.speaker, len(arranged.speakers))):
        assert np.flatnonzero(arranged.speaker == code).tolist() == list(range(start, stop))
    index = label_index(arranged.label)
    for label in {-1, 0, 1, 2, 3}:
        found = [
            row for _, start, stop in index[index[:, 0] == label] for row in range(start, stop)
        ]
        assert found == np.flatnonzero(arranged.label == label).tolist()


def test_a_run_of_a_label_goes_on_into_the_next_speaker() -> None:
    label = np.array([-1, 1, 1, 1, 0], np.int32)
    assert label_index(label).tolist() == [[-1, 0, 1], [0, 4, 5], [1, 1, 4]]


def test_names_are_sorted_by_code_point() -> None:
    rows = [("b", None, None, None), ("B", None, "10", None), ("ä", None, "2", None)]
    arranged = arrange(rows)
    assert arranged.speakers == ("B", "b", "ä")
    assert arranged.sessions == ("10", "2")


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Utterances.arrange(
            ids=["a"], speakers=[], labels=[], sessions=[], dialogues=[], turns=[], splits=[]
        )


@pytest.mark.parametrize("row", [("F01", -1, None, None), ("F01", 0, None, 2**31)])
def test_a_label_or_turn_that_int32_codes_cannot_hold_is_refused(row: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=r"row 0: (label -1|turn 2147483648); expected 0 to"):
        arrange([row])


def test_the_columns_cannot_be_changed() -> None:
    arranged = arrange([("F01", 0, None, None)])
    with pytest.raises(ValueError, match="read-only"):
        arranged.label[0] = 1
