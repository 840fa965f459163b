import dataclasses

import numpy as np
import pytest
from evaluation_corpora import (
    LOSO,
    SESSION,
    SPEAKER,
    SPLIT,
    columns,
    corpora,
    iemocap,
)
from hypothesis import given
from hypothesis import strategies as st

from memr_cli.errors import MethodUnsupportedError, UnsupportedError, UsageError
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.protocols import PROTOCOLS, Fold, describe, folds, restrict
from memr_cli.vocabulary import ProtocolName


def test_every_name_has_a_protocol() -> None:
    assert list(PROTOCOLS) == list(ProtocolName)


@given(corpora(), st.sampled_from([SPEAKER, SESSION, LOSO]), st.booleans())
def test_every_labelled_row_is_tested_once_and_training_is_divided(
    corpus: Columns, protocol: ProtocolName, validation: bool
) -> None:
    if protocol is SESSION and np.unique(corpus.session[corpus.labelled]).size < 2:
        return
    cut = folds(protocol, corpus, 2, validation=validation)
    assert [fold.index for fold in cut] == list(range(len(cut)))
    tested = np.concatenate([fold.test for fold in cut])
    assert np.array_equal(np.sort(tested), corpus.labelled)
    for fold in cut:
        assert np.array_equal(np.union1d(fold.test, fold.train), corpus.labelled)
        assert not set(fold.test_speakers) & set(fold.train_speakers)
        assert not np.isin(corpus.speaker[fold.test], corpus.speaker[fold.train]).any()
        both = np.concatenate([fold.fit, fold.validation])
        assert np.array_equal(np.sort(both), fold.train)
        assert fold.fit.size
        assert bool(fold.validation.size) == validation
        for rows in (fold.test, fold.train, fold.fit, fold.validation):
            assert (np.diff(rows) > 0).all()
        named = {n: set(getattr(fold, f"{n}_speakers")) for n in ("fit", "validation", "train")}
        assert named["fit"] | named["validation"] == named["train"]


@given(corpora(), st.sampled_from(list(ProtocolName)))
def test_protocols_keep_whole_what_they_say(corpus: Columns, protocol: ProtocolName) -> None:
    try:
        cut = folds(protocol, corpus, 2, validation=False)
    except UnsupportedError:
        return
    for fold in cut:
        for kept, codes in (
            (PROTOCOLS[protocol].by_speaker, corpus.speaker),
            (PROTOCOLS[protocol].keeps_dialogues, corpus.dialogue),
        ):
            shared = np.intersect1d(codes[fold.test], codes[fold.train])
            assert not (kept and np.setdiff1d(shared, -1).size)


@given(corpora(min_speakers=3), st.integers(2, 6))
def test_speaker_folds_are_those_of_array_split_over_the_sorted_speakers(
    corpus: Columns, n_folds: int
) -> None:
    names = np.array(corpus.speaker_names)[corpus.speaker[corpus.labelled]]
    unique = np.unique(names)
    if unique.size < n_folds:
        return
    expected = [corpus.labelled[np.isin(names, g)] for g in np.array_split(unique, n_folds)]
    found = [fold.test for fold in folds(SPEAKER, corpus, n_folds)]
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_ten_speakers_make_the_published_folds() -> None:
    tested = "|".join(",".join(fold.test_speakers) for fold in folds(SPEAKER, iemocap()))
    assert tested == "F01,F02|F03,F04|F05,M01|M02,M03|M04,M05"


def test_speakers_without_labels_take_no_place_among_the_folds() -> None:
    corpus = columns(list("abccdd"), labels=[0, -1, 0, 1, 0, 1])
    assert [fold.test_speakers for fold in folds(SPEAKER, corpus, 2)] == [("a", "c"), ("d",)]


def test_speakers_are_cut_by_name_whatever_their_codes() -> None:
    corpus = dataclasses.replace(
        columns(["a", "a", "b", "b", "c", "c"]), speaker_names=("c", "b", "a")
    )
    assert [fold.test_speakers for fold in folds(LOSO, corpus)] == [("a",), ("b",), ("c",)]


@pytest.mark.parametrize(
    ("protocol", "corpus", "words"),
    [
        (SPEAKER, columns(list("aabbcc")), r"3 \(a, b, c\): use --folds 3 or fewer"),
        (SPEAKER, columns(["a"] * 4), r"1 \(a\): use --protocol split"),
        (SESSION, columns(list("aabb"), sessions=["1", None, "2", "2"]), "1 of 4 have none"),
        (SESSION, columns(list("aa"), sessions=["1", "1"]), r"1 \(1\)"),
        (LOSO, columns(list("aa")), r"1 \(a\)"),
        (LOSO, columns(["a", "b"]), "fold 0 has 1 labelled training"),
        *((name, columns(list("ab"), labels=[-1, -1]), "no labelled") for name in ProtocolName),
        (SPLIT, columns(["a", "b"]), r"in train or test; found: no split \(2\)"),
        (SPLIT, columns(["a", "b"], splits=["train", "holdout"]),
         r"in test; found: holdout \(1\), train \(1\)"),
        (SPLIT, columns(["a", "b"], splits=["dev", "test"]),
         r"in train; found: dev \(1\), test \(1\)"),
    ],
)  # fmt: skip
def test_a_corpus_that_a_protocol_cannot_divide_is_refused_with_what_was_found(
    protocol: ProtocolName, corpus: Columns, words: str
) -> None:
    with pytest.raises(UnsupportedError, match=words):
        folds(protocol, corpus, 5)


@pytest.mark.parametrize("n_folds", [1, 0, -3])
def test_fewer_than_two_folds_is_wrong_usage(n_folds: int) -> None:
    with pytest.raises(UsageError, match=f"--folds is {n_folds}"):
        folds(SPEAKER, iemocap(), n_folds)


def test_each_session_is_left_out_in_turn() -> None:
    cut = folds(SESSION, iemocap())
    assert [fold.test_speakers for fold in cut] == [(f"F0{s}", f"M0{s}") for s in range(1, 6)]


def test_an_unlabelled_utterance_needs_no_session() -> None:
    corpus = columns(list("aabb"), sessions=["1", None, "2", "2"], labels=[0, -1, 0, 1])
    assert len(folds(SESSION, corpus, validation=False)) == 2


def test_one_training_row_is_enough_where_no_epoch_is_chosen() -> None:
    assert len(folds(LOSO, columns(["a", "b"]), validation=False)) == 2


def test_the_published_validation_part_chooses_the_epoch() -> None:
    corpus = columns(
        list("abcdef"), splits=["Training", "VAL", "dev", "Testing", "other", "training"]
    )
    (fold,) = folds(SPLIT, corpus)
    assert fold.test.tolist() == [3]
    assert fold.train.tolist() == [0, 1, 2, 5]
    assert fold.fit.tolist() == [0, 5]
    assert fold.validation.tolist() == [1, 2]
    assert fold.validation_speakers == ("b", "c")
    assert "1 labelled utterances belong to no part" in fold.notes[0]
    assert "other (1)" in fold.notes[0]


def test_without_validation_its_published_part_trains_too() -> None:
    corpus = columns(list("abc"), splits=["train", "valid", "test"])
    (fold,) = folds(SPLIT, corpus, validation=False)
    assert fold.fit.tolist() == fold.train.tolist() == [0, 1]
    assert not fold.validation.size


def test_a_split_without_a_validation_part_holds_out_training_speakers() -> None:
    corpus = columns(list("aabbccdd"), splits=["train"] * 6 + ["test"] * 2)
    (fold,) = folds(SPLIT, corpus)
    assert len(fold.validation_speakers) == 1
    assert not set(fold.validation_speakers) & set(fold.fit_speakers)


def test_a_published_validation_part_that_shares_dialogues_says_so() -> None:
    corpus = columns(
        list("abc"),
        labels=[0, 0, 0],
        splits=["train", "valid", "test"],
        dialogues=["x", "x", "y"],
    )
    (note,) = folds(SPLIT, corpus)[0].notes
    assert "shares dialogues" in note


def test_restricting_drops_rows_everywhere_and_recounts_speakers() -> None:
    corpus = iemocap()
    fold = folds(SESSION, corpus)[0]
    usable = np.ones(corpus.label.size, bool)
    gone = np.concatenate([fold.test[:3], np.flatnonzero(corpus.speaker == 4)])  # F05
    usable[gone] = False
    narrowed = restrict(fold, usable, corpus)
    for name in ("test", "train", "fit", "validation"):
        expected = np.setdiff1d(getattr(fold, name), gone)
        assert np.array_equal(getattr(narrowed, name), expected)
    assert "F05" in fold.train_speakers
    assert "F05" not in narrowed.train_speakers
    assert narrowed.test_speakers == fold.test_speakers


def without(part: str) -> tuple[Fold, Fold]:
    """A fold, and the same where no row of a part can be used."""
    corpus = iemocap()
    fold = folds(SESSION, corpus)[1]
    usable = np.ones(corpus.label.size, bool)
    usable[getattr(fold, part)] = False
    return fold, restrict(fold, usable, corpus, subject="visual")


def test_a_method_that_can_use_no_training_row_of_a_fold_is_refused() -> None:
    with pytest.raises(MethodUnsupportedError, match="fold 1: visual can use 0 of the"):
        without("train")


@pytest.mark.parametrize("part", ["fit", "validation"])
def test_an_inner_part_of_which_nothing_is_left_is_drawn_anew(part: str) -> None:
    fold, narrowed = without(part)
    assert narrowed.fit.size
    assert narrowed.validation.size
    both = np.union1d(narrowed.fit, narrowed.validation)
    assert np.array_equal(both, np.setdiff1d(fold.train, getattr(fold, part)))


def test_a_test_part_may_become_empty() -> None:
    assert not without("test")[1].test.size


def test_a_fold_without_validation_can_be_restricted() -> None:
    corpus = iemocap()
    fold = folds(SESSION, corpus, validation=False)[0]
    assert not restrict(fold, corpus.label != 3, corpus).validation.size


@pytest.mark.parametrize(
    ("protocol", "corpus", "words"),
    [
        (SPEAKER, iemocap(), "5 folds over 10 speakers, test speakers unseen in training"),
        (SESSION, iemocap(), "leave one session out, 5 folds"),
        (LOSO, iemocap(), "leave one speaker out, 10 folds"),
        (SPLIT, columns(list("abc"), splits=["train", "train", "test"]),
         "the corpus's published split"),
        (SESSION, columns(list("aaab"), sessions=["1", "1", "2", "2"]),
         "leave one session out, 2 folds, test speakers also in training"),
    ],
)  # fmt: skip
def test_protocols_in_words(protocol: ProtocolName, corpus: Columns, words: str) -> None:
    assert describe(protocol, folds(protocol, corpus)) == words
