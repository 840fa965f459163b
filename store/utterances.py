"""The columns that describe the utterances. N utterances."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from store.schema import NONE

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Utterances:
    """Columns of N utterances in store order: by speaker, then label, then position in the source.

    `speaker`, `session`, `dialogue` and `split` are codes into the name lists `speakers`, ...;
    `label` is a code into the store's class names; -1 is none. The arrays are read-only.
    """

    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    sessions: tuple[str, ...]
    dialogues: tuple[str, ...]
    splits: tuple[str, ...]
    speaker: Codes
    """(N,) int32"""
    session: Codes
    """(N,) int32, -1 none"""
    dialogue: Codes
    """(N,) int32, -1 none"""
    split: Codes
    """(N,) int32, -1 none"""
    turn: Codes
    """(N,) int32, position in the dialogue, -1 unknown"""
    label: Codes
    """(N,) int32, -1 unlabelled"""
    source_row: NDArray[np.int64]
    """(N,) int64, position in the source list, from 0"""

    def __post_init__(self) -> None:
        for field in fields(self):
            column = getattr(self, field.name)
            if isinstance(column, np.ndarray):
                column.setflags(write=False)

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def arrange(
        cls,
        *,
        ids: Sequence[str],
        speakers: Sequence[str],
        labels: Sequence[int | None],
        sessions: Sequence[str | None],
        dialogues: Sequence[str | None],
        turns: Sequence[int | None],
        splits: Sequence[str | None],
    ) -> "Utterances":
        """Sort utterances given in source order into store order.

        Every argument has one value per utterance, None where there is none. Rows are sorted by
        speaker name (by code point), then label (unlabelled first), then source order; `source_row`
        is the position of each in the source. Raises ValueError where the lengths differ or a turn
        or label is negative or beyond int32.
        """
        columns = (speakers, labels, sessions, dialogues, turns, splits)
        lengths = [len(ids), *(len(column) for column in columns)]
        if len(set(lengths)) > 1:
            raise ValueError(f"columns of one length expected, found lengths {lengths}")
        speaker_names, speaker = _coded(speakers)
        session_names, session = _coded(sessions)
        dialogue_names, dialogue = _coded(dialogues)
        split_names, split = _coded(splits)
        label = _numbers("label", labels)
        order = np.lexsort((label, speaker)).astype(np.int64)  # stable; the last key leads
        return cls(
            ids=tuple(ids[row] for row in order),
            speakers=speaker_names,
            sessions=session_names,
            dialogues=dialogue_names,
            splits=split_names,
            speaker=speaker[order],
            session=session[order],
            dialogue=dialogue[order],
            split=split[order],
            turn=_numbers("turn", turns)[order],
            label=label[order],
            source_row=order,
        )


def _coded(values: Sequence[str | None]) -> tuple[tuple[str, ...], Codes]:
    """Return the names that occur, sorted, and the code of each value into them."""
    names = tuple(sorted({value for value in values if value is not None}))
    code: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    return names, np.array([code.get(value, NONE) for value in values], dtype=np.int32)


def _numbers(what: str, values: Sequence[int | None]) -> Codes:
    limit = np.iinfo(np.int32).max
    for row, value in enumerate(values):
        if value is not None and not 0 <= value <= limit:
            raise ValueError(f"row {row}: {what} {value}; expected 0 to {limit}, or None")
    return np.array([NONE if value is None else value for value in values], dtype=np.int32)
