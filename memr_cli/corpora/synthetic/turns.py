"""The turns of the synthetic corpus: dialogues, speakers and classes.

Shapes: N turns, C classes.
"""

from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.synthetic.settings import SESSIONS, SyntheticSettings

GENDERS = "FM"
CLASS_COUNTS = (328, 272, 352, 384)
"""Labelled turns by class in the default size, in the order of iemocap.CLASSES; 1,336 in all."""

MOOD_LENGTH = 10
"""Mean number of successive turns of one mood."""


@dataclass(frozen=True)
class Turn:
    """One utterance before it has features. `label` is None where unlabelled."""

    id: str
    speaker: int
    session: int
    dialogue: str
    turn: int
    label: int | None


def turns_of(settings: SyntheticSettings, rng: np.random.Generator) -> list[Turn]:
    """Return dialogues of 16 to 40 turns, alternately improvised and scripted, by session.

    Labels are in random order.
    """
    labels = iter(_labels(settings, rng))
    turns: list[Turn] = []
    for session in range(1, SESSIONS + 1):
        left = settings.utterances * session // SESSIONS - len(turns)
        number = 0
        while left > 0:
            length = min(left, int(rng.integers(16, 41)))
            dialogue = _dialogue_name(session, number)
            # Speakers mostly alternate; sometimes one continues.
            gender = np.cumsum(rng.random(length) < 0.8) % 2
            said = [0, 0]
            for turn, who in enumerate(gender):
                identity = f"{dialogue}_{GENDERS[who]}{said[who]:03d}"
                said[who] += 1
                speaker = who * SESSIONS + session - 1
                turns.append(Turn(identity, int(speaker), session, dialogue, turn, next(labels)))
            left -= length
            number += 1
    return turns


def with_moods(turns: list[Turn], rng: np.random.Generator) -> tuple[list[Turn], NDArray[np.int64]]:
    """Return the turns with labels that follow moods, as many per class as before; and moods (N,).

    A mood is a class that lasts for some successive turns of a dialogue, whoever speaks. The class
    of a labelled turn is its mood. Unlabelled turns are chosen at random.
    """
    labelled = _counted(np.array([turn.label for turn in turns if turn.label is not None]))
    left = labelled + _apportioned(len(turns) - int(labelled.sum()))
    moods = np.empty(len(turns), np.int64)
    dialogues = [
        [number for number, _ in group]
        for _, group in groupby(enumerate(turns), lambda item: item[1].dialogue)
    ]
    # In random order, since the dialogues that are filled last get the moods that are left.
    for dialogue in rng.permutation(len(dialogues)):
        numbers = dialogues[dialogue]
        start, before = 0, None
        while start < len(numbers):
            mood = _next_mood(left, before, rng)
            length = min(int(rng.geometric(1 / MOOD_LENGTH)), len(numbers) - start, left[mood])
            moods[numbers[start : start + length]] = mood
            left[mood] -= length
            start, before = start + length, mood
    labels: list[int | None] = [None] * len(turns)
    for mood, count in enumerate(labelled):
        for number in rng.permutation(np.flatnonzero(moods == mood))[:count]:
            labels[number] = mood
    return [replace(turn, label=label) for turn, label in zip(turns, labels, strict=True)], moods


def _next_mood(left: NDArray[np.int64], before: int | None, rng: np.random.Generator) -> int:
    """Return a mood that has turns left, if possible not the one before."""
    open_to = left.astype(np.float64)
    if before is not None and open_to.sum() > open_to[before]:
        open_to[before] = 0.0
    return int(rng.choice(len(left), p=open_to / open_to.sum()))


def _dialogue_name(session: int, number: int) -> str:
    """Return a name like those of IEMOCAP, where the letter is the speaker who wore the markers."""
    scenario = number // 4 + 1
    kind = f"script{scenario:02d}_1" if number % 2 else f"impro{scenario:02d}"
    return f"Ses{session:02d}{GENDERS[number // 2 % 2]}_{kind}"


def _labels(settings: SyntheticSettings, rng: np.random.Generator) -> list[int | None]:
    """Return a label or None for each turn, in random order, in the shares of CLASS_COUNTS."""
    labelled = round(settings.utterances * (1 - settings.unlabelled))
    labels: list[int | None] = [None] * (settings.utterances - labelled)
    for label, count in enumerate(_apportioned(labelled)):
        labels += [label] * int(count)
    return [labels[i] for i in rng.permutation(settings.utterances)]


def _apportioned(total: int) -> NDArray[np.int64]:
    """Return (C,) a number of turns by class, in the shares of CLASS_COUNTS."""
    edges = np.rint(np.cumsum(CLASS_COUNTS) / sum(CLASS_COUNTS) * total).astype(np.int64)
    return np.diff(edges, prepend=0)


def _counted(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (C,) the number of turns of each class."""
    return np.bincount(labels, minlength=len(CLASS_COUNTS)).astype(np.int64)
