"""What the synthetic corpora tell of a turn's class: what was planted, and nothing else."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import (
    GroupKFold,
    StratifiedKFold,
    cross_val_score,
    permutation_test_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from memr_cli.corpora.coursework import LAYOUT
from memr_cli.corpora.npy import parse
from memr_cli.corpora.synthetic.features import sequences
from memr_cli.corpora.synthetic.settings import Planted, SyntheticSettings
from memr_cli.corpora.synthetic.turns import CLASS_COUNTS, turns_of, with_moods
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES

SEQUENCES = ("visual", "acoustic")
SIZE = SyntheticSettings(
    utterances=1000,
    unlabelled=0.3,
    frames=8,
    visual_dim=24,
    acoustic_dim=16,
    lexical_dim=24,
    seed=1,
    archive=True,
)
SMALLER = replace(SIZE, utterances=120, frames=3)
Floats = NDArray[np.floating]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A corpus in arrays of N turns. Where a modality is missing, frames are one of zeros."""

    label: Ints
    session: Ints
    speaker: Ints
    dialogue: Ints
    frames: dict[str, list[Floats]]
    present: dict[str, NDArray[np.bool_]]

    def pooled(self, how: Callable[[Floats], Floats], modalities: tuple[str, ...]) -> Floats:
        """(N, D)"""
        parts = [np.stack([how(frames) for frames in self.frames[name]]) for name in modalities]
        return np.hstack(parts)

    def around(self, features: Floats, before: int, after: int, of: Floats) -> Floats:
        """(N, D) means over the neighbours in the dialogue that count (N,); 0 where none does."""
        found = np.zeros_like(features)
        for i in range(len(features)):
            places = np.arange(max(0, i - before), min(len(features), i + after + 1))
            places = places[(self.dialogue[places] == self.dialogue[i]) & (of[places] > 0)]
            if places.size:
                found[i] = features[places].mean(axis=0)
        return found


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Planted], Loaded]:
    """A corpus of each signal, written and read once."""

    @cache
    def load(signal: Planted) -> Loaded:
        folder = tmp_path_factory.mktemp("corpus") / signal
        write_corpus(folder, replace(SIZE, signal=signal), silent)
        corpus = LAYOUT.read(folder, None)
        frames: dict[str, list[Floats]] = {name: [] for name in MODALITIES}
        for utterance in corpus.utterances:
            for name in MODALITIES:
                path = utterance.features.get(name)
                there = None if path is None else parse(corpus.source.blob(path).read())
                empty = np.zeros((1, SIZE.dim(name)), np.float32)
                frames[name].append(empty if there is None else there.astype(np.float32))
        corpus.source.close()
        turns = corpus.utterances
        return Loaded(
            label=np.array([-1 if turn.label is None else turn.label for turn in turns]),
            session=coded([turn.session for turn in turns]),
            speaker=coded([turn.speaker for turn in turns]),
            dialogue=coded([turn.dialogue for turn in turns]),
            frames=frames,
            present={name: np.array([name in t.features for t in turns]) for name in MODALITIES},
        )

    return load


def coded(names: list[str]) -> Ints:
    return np.unique(names, return_inverse=True)[1]


def mean(frames: Floats) -> Floats:
    return frames.mean(axis=0)


def largest(frames: Floats) -> Floats:
    return frames.max(axis=0)


def rise(frames: Floats) -> Floats:
    """How far each dim goes up over time, in units of what noise makes of it."""
    course = np.linspace(-1, 1, len(frames)) if len(frames) > 1 else np.zeros(1)
    return (course[:, None] * frames).sum(axis=0) / max(1.0, float(np.sqrt((course**2).sum())))


def linear() -> object:
    return make_pipeline(StandardScaler(), RidgeClassifier(alpha=100))


def accuracy(corpus: Loaded, features: Floats, model: object = None) -> float:
    """On sessions that training never saw."""
    rows = corpus.label >= 0
    scores = cross_val_score(
        model or linear(),
        features[rows],
        corpus.label[rows],
        groups=corpus.session[rows],
        cv=GroupKFold(5),
    )
    return float(scores.mean())


def band(corpus: Loaded, features: Floats, *, sessions: bool = True) -> tuple[float, float]:
    """A linear probe's accuracy, and what it hardly ever exceeds with labels in random order."""
    rows = corpus.label >= 0
    score, permuted, _ = permutation_test_score(
        linear(),
        features[rows],
        corpus.label[rows],
        groups=corpus.session[rows] if sessions else None,
        cv=GroupKFold(5) if sessions else StratifiedKFold(5),
        n_permutations=15,
        random_state=0,
    )
    return float(score), float(permuted.mean() + 3 * permuted.std())


@pytest.mark.parametrize("how", [mean, largest])
@pytest.mark.parametrize("signal", [Planted.ORDER, Planted.NONE])
def test_pooled_features_tell_nothing_where_order_tells_or_nothing_does(
    loaded: Callable[[Planted], Loaded], signal: Planted, how: Callable[[Floats], Floats]
) -> None:
    corpus = loaded(signal)
    features = corpus.pooled(how, MODALITIES)
    score, by_chance = band(corpus, features)
    assert score <= by_chance < 0.34
    network = MLPClassifier((32,), random_state=0, early_stopping=True, n_iter_no_change=4)
    assert accuracy(corpus, features, make_pipeline(StandardScaler(), network)) < 0.34


def test_where_order_tells_how_frames_rise_does_and_one_vector_does_not(
    loaded: Callable[[Planted], Loaded],
) -> None:
    corpus = loaded(Planted.ORDER)
    alone = [accuracy(corpus, corpus.pooled(rise, (name,))) for name in SEQUENCES]
    assert min(alone) > 0.42
    assert max(alone) < accuracy(corpus, corpus.pooled(rise, SEQUENCES)) < 0.8
    score, by_chance = band(corpus, corpus.pooled(mean, ("lexical",)))
    assert score <= by_chance


def test_the_order_of_frames_changes_neither_their_mean_nor_their_number() -> None:
    rng = np.random.default_rng(0)
    turns = turns_of(SMALLER, rng)
    affect = rng.standard_normal((len(turns), 3))
    shown = [
        list(
            sequences(
                "acoustic",
                replace(SMALLER, signal=Planted.ORDER),
                turns,
                sign * affect,
                np.ones(len(turns)),
                np.random.default_rng(1),
            )
        )
        for sign in (1, -1)
    ]
    for one, other in zip(*shown, strict=True):
        assert one.shape == other.shape == (6, 16)
        assert not np.allclose(one, other)
        np.testing.assert_allclose(one.mean(axis=0), other.mean(axis=0), atol=1e-5)


def test_where_nothing_tells_neither_order_nor_neighbours_nor_what_is_there_do(
    loaded: Callable[[Planted], Loaded],
) -> None:
    corpus = loaded(Planted.NONE)
    everyone = np.ones(len(corpus.label))
    pooled = corpus.pooled(mean, MODALITIES)
    lengths = np.array([[len(corpus.frames[name][i]) for name in SEQUENCES] for i in range(1000)])
    there = np.stack([corpus.present[name] for name in MODALITIES], axis=1).astype(float)
    circumstances = np.hstack([lengths, lengths**2, there, np.eye(10)[corpus.speaker]])
    for features, sessions in (
        (corpus.pooled(rise, SEQUENCES), True),
        (corpus.around(pooled, 3, 3, everyone), True),
        (circumstances, False),  # speakers that training saw too
    ):
        score, by_chance = band(corpus, features, sessions=sessions)
        assert score <= by_chance < 0.34


def test_features_without_signal_do_not_depend_on_where_turns_lie() -> None:
    turns = turns_of(SMALLER, np.random.default_rng(0))
    places = np.random.default_rng(1).standard_normal((2, len(turns), 3))
    for name in MODALITIES:
        one, other = (
            list(
                sequences(
                    name,
                    replace(SMALLER, signal=Planted.NONE),
                    turns,
                    affect,
                    np.ones(len(turns)),
                    np.random.default_rng(2),
                )
            )
            for affect in places
        )
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_in_dialogues_the_past_tells_more_than_a_turn_and_both_sides_more_than_the_past(
    loaded: Callable[[Planted], Loaded],
) -> None:
    corpus = loaded(Planted.DIALOGUE)
    pooled, everyone = corpus.pooled(mean, MODALITIES), np.ones(len(corpus.label))
    own = accuracy(corpus, pooled)
    past = accuracy(corpus, corpus.around(pooled, 3, 0, everyone))
    both = accuracy(corpus, corpus.around(pooled, 3, 3, everyone))
    assert 0.3 < own < 0.5
    assert past > own + 0.05
    assert both > past + 0.03
    assert both > own + 0.12


def test_turns_without_a_label_tell_of_their_neighbours(
    loaded: Callable[[Planted], Loaded],
) -> None:
    corpus = loaded(Planted.DIALOGUE)
    unlabelled = (corpus.label < 0).astype(float)
    features = corpus.around(corpus.pooled(mean, MODALITIES), 3, 3, unlabelled)
    score, by_chance = band(corpus, features)
    assert score > by_chance


@pytest.mark.parametrize("signal", [Planted.ORDER, Planted.DIALOGUE, Planted.NONE])
def test_classes_speakers_and_layout_are_the_same_whatever_is_planted(
    tmp_path: Path, signal: Planted
) -> None:
    found = {}
    for planted in (Planted.POOLED, signal):
        folder = tmp_path / planted
        write_corpus(folder, replace(SMALLER, signal=planted), silent)
        turns = LAYOUT.read(folder, None).utterances
        found[planted] = (
            Counter(turn.label for turn in turns),
            [(turn.id, turn.speaker, turn.session, turn.dialogue, turn.turn) for turn in turns],
        )
    assert found[signal] == found[Planted.POOLED]


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        (Planted.ORDER, "the order of its frames alone"),
        (Planted.DIALOGUE, "Moods last for some turns"),
        (Planted.NONE, "every method can only guess"),
    ],
)
def test_the_mark_says_what_is_planted(tmp_path: Path, signal: Planted, words: str) -> None:
    write_corpus(tmp_path / "c", replace(SMALLER, signal=signal), silent)
    mark = (tmp_path / "c" / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert words in mark
    assert f"\nsignal = {signal}\n" in mark


def test_the_mark_of_the_corpus_that_has_always_been_is_what_it_was(tmp_path: Path) -> None:
    write_corpus(tmp_path / "c", replace(SMALLER), silent)
    mark = (tmp_path / "c" / "SYNTHETIC.txt").read_text(encoding="utf-8")
    assert "signal" not in mark
    assert mark.endswith("lexical_dim = 24\nseed = 1\narchive = True\n")


@settings(max_examples=25, deadline=None)
@given(st.integers(10, 200), st.floats(0, 0.95), st.integers(0, 1000))
def test_moods_keep_how_many_turns_have_each_label_and_are_the_labels(
    utterances: int, unlabelled: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    before = turns_of(SyntheticSettings(utterances, unlabelled), rng)
    after, moods = with_moods(before, rng)
    assert Counter(turn.label for turn in after) == Counter(turn.label for turn in before)
    assert [replace(turn, label=None) for turn in after] == [
        replace(turn, label=None) for turn in before
    ]
    assert all(t.label in (None, mood) for t, mood in zip(after, moods, strict=True))


def test_moods_last_for_some_turns_and_all_occur(loaded: Callable[[Planted], Loaded]) -> None:
    corpus = loaded(Planted.DIALOGUE)
    rows = np.flatnonzero(corpus.label >= 0)
    here, there = rows[:-1], rows[1:]
    together = corpus.dialogue[here] == corpus.dialogue[there]
    same = corpus.label[here] == corpus.label[there]
    assert 0.75 < same[together].mean() < 0.95
    assert same[~together].mean() < 0.5
    shares = np.bincount(corpus.label[rows]) / len(rows)
    np.testing.assert_allclose(shares, np.array(CLASS_COUNTS) / sum(CLASS_COUNTS), atol=0.01)
