"""Columns of small corpora for the tests of evaluation, written out or drawn by hypothesis."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from memr_cli.evaluation.columns import Columns
from memr_cli.vocabulary import ProtocolName

SPEAKER, SESSION, LOSO, SPLIT = ProtocolName


def columns(
    speakers: Sequence[str],
    *,
    labels: Sequence[int] | None = None,
    sessions: Sequence[str | None] | None = None,
    dialogues: Sequence[str | None] | None = None,
    splits: Sequence[str | None] | None = None,
) -> Columns:
    nothing: Sequence[str | None] = [None] * len(speakers)
    speaker, speaker_names = coded(speakers)
    session, session_names = coded(sessions or nothing)
    split, split_names = coded(splits or nothing)
    return Columns(
        speaker=speaker,
        speaker_names=speaker_names,
        session=session,
        session_names=session_names,
        dialogue=coded(dialogues or nothing)[0],
        label=np.array([i % 4 for i in range(len(speakers))] if labels is None else labels),
        split=split,
        split_names=split_names,
    )


def coded(values: Sequence[str | None]) -> tuple[np.ndarray, tuple[str, ...]]:
    names = tuple(sorted({value for value in values if value is not None}))
    return np.array([-1 if v is None else names.index(v) for v in values], np.int32), names


def iemocap(rows_per_speaker: int = 8) -> Columns:
    """Ten speakers in five sessions; the two of a session share its two dialogues."""
    speakers = [f"{g}0{s}" for g in "FM" for s in range(1, 6) for _ in range(rows_per_speaker)]
    return columns(
        speakers,
        sessions=[name[-1] for name in speakers],
        dialogues=[f"Ses{name[-1]}_{i % 2}" for i, name in enumerate(speakers)],
    )


@st.composite
def corpora(draw: st.DrawFn, *, min_speakers: int = 2) -> Columns:
    """Speakers nested in sessions; dialogues, where there are any, within a session."""
    n_speakers = draw(st.integers(min_speakers, 8))
    session_of = draw(
        st.lists(st.integers(0, 3), min_size=n_speakers, max_size=n_speakers), label="sessions"
    )
    row = st.tuples(st.integers(0, n_speakers - 1), st.integers(-1, 2), st.integers(-1, 3))
    rows = draw(st.lists(row, max_size=40))
    # Two labelled rows for every speaker, so that each protocol can divide the corpus.
    rows += [(speaker, 0, label) for speaker in range(n_speakers) for label in (0, 1)]
    with_dialogues = draw(st.booleans())
    return columns(
        [f"s{speaker}" for speaker, _, _ in rows],
        labels=[label for _, _, label in rows],
        sessions=[str(session_of[speaker]) for speaker, _, _ in rows],
        dialogues=[
            f"{session_of[speaker]}/{dialogue}" if with_dialogues and dialogue >= 0 else None
            for speaker, dialogue, _ in rows
        ],
    )
