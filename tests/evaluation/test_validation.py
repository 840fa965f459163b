import itertools

import numpy as np
import pytest
from evaluation_corpora import LOSO, SESSION, SPEAKER, columns, corpora, iemocap
from hypothesis import given

from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.protocols import Fold, folds
from memr_cli.evaluation.validation import Split, units


def components(corpus: Columns, rows: np.ndarray) -> np.ndarray:
    """The group of speakers linked by dialogues that each row belongs to, joined one by one."""
    group = np.arange(len(corpus.speaker_names))
    for a, b in itertools.combinations(rows[corpus.dialogue[rows] >= 0], 2):
        if corpus.dialogue[a] == corpus.dialogue[b]:
            group[group == group[corpus.speaker[a]]] = group[corpus.speaker[b]]
    return group[corpus.speaker[rows]]


def shares(codes: np.ndarray, split: Split) -> bool:
    a, b = (set(codes[rows].tolist()) - {-1} for rows in split)
    return bool(a & b)


@given(corpora(min_speakers=3))
def test_no_dialogue_reaches_both_sides_where_the_corpus_allows(corpus: Columns) -> None:
    for fold in folds(LOSO, corpus):
        cut = (fold.fit, fold.validation)
        allowed = np.unique(components(corpus, fold.train)).size > 1
        assert allowed != shares(corpus.dialogue, cut)
        assert not (allowed and shares(corpus.speaker, cut))
        assert any("shares dialogues" in note for note in fold.notes) != allowed


@given(corpora(min_speakers=3))
def test_units_of_linked_speakers_are_the_connected_components(corpus: Columns) -> None:
    rows = corpus.labelled
    group, cut = components(corpus, rows), units(rows, corpus)
    if np.unique(group).size > 1:
        assert cut.kind == "linked speakers"
        pairs = set(zip(group.tolist(), cut.code.tolist(), strict=True))
        assert len(pairs) == np.unique(group).size == cut.count


def test_speakers_linked_by_a_chain_of_dialogues_are_one_unit() -> None:
    corpus = columns(list("cbbaadd"), dialogues=["x", "x", "y", "y", "z", "w", "w"])
    assert units(corpus.labelled, corpus).code.tolist() == [0, 0, 0, 0, 0, 1, 1]


def fallback(speakers: str, dialogues: str | None) -> tuple[Fold, str]:
    """The first fold where `speakers` train, and the kind of unit it was cut by."""
    corpus = columns(
        ["0", "0", *speakers],
        labels=[0] * (len(speakers) + 2),
        dialogues=None if dialogues is None else [None, None, *dialogues],
    )
    fold = folds(LOSO, corpus)[0]
    return fold, units(fold.train, corpus).kind


@pytest.mark.parametrize(
    ("speakers", "dialogues", "kind", "shared"),
    [("aabb", "xyxy", "speakers", "dialogues"), ("aaaa", "xxyy", "dialogues", "speakers")],
)
def test_a_single_group_of_speakers_is_divided_by_smaller_units_with_a_note(
    speakers: str, dialogues: str, kind: str, shared: str
) -> None:
    fold, found = fallback(speakers, dialogues)
    assert found == kind
    together = set(fold.fit_speakers) & set(fold.validation_speakers)
    assert bool(together) == (shared == "speakers")
    assert fold.notes == (
        f"validation shares {shared} with the rows that the epoch-choosing model is fitted on",
    )


@pytest.mark.parametrize("dialogues", ["x" * 60, None])
def test_a_single_dialogue_is_divided_by_rows_within_each_class(dialogues: str | None) -> None:
    corpus = columns(
        ["0"] * 2 + ["a"] * 60,
        labels=[0] * 2 + [1, 0, 0, 0, 0] * 12,
        dialogues=dialogues and [None, None, *dialogues],
    )
    fold = folds(LOSO, corpus)[0]
    assert units(fold.train, corpus).kind == "rows"
    assert np.bincount(corpus.label[fold.validation]).tolist() == [10, 2]
    assert any("shares speakers" in note for note in fold.notes)


def test_different_sessions_choose_the_epoch_in_different_folds() -> None:
    chosen = [fold.validation_speakers for fold in folds(SESSION, iemocap())]
    assert len(set(chosen)) == 5
    assert all(first[1:] == second[1:] for first, second in chosen)  # F02 with M02


def test_the_validation_part_is_near_its_share() -> None:
    corpus = columns([f"s{i:03}" for i in range(100) for _ in range(1 + i % 7)])
    seen: list[int] = []
    for fold in folds(SPEAKER, corpus):
        assert fold.validation.size / fold.train.size == pytest.approx(0.2, abs=0.02)
        seen += fold.validation.tolist()
    assert np.bincount(seen).max() == 1
    (wider, *_) = folds(SPEAKER, corpus, validation_share=0.4)
    assert wider.validation.size / wider.train.size == pytest.approx(0.4, abs=0.02)


def test_a_share_near_one_leaves_a_unit_to_fit_on() -> None:
    corpus = columns(list("aabbcc"))
    for fold in folds(LOSO, corpus, validation_share=0.95):
        assert (len(fold.fit_speakers), len(fold.validation_speakers)) == (1, 1)


def test_neighbours_in_the_alphabet_are_not_held_out_together() -> None:
    corpus = columns([f"{sex}{i:02}" for sex in "FM" for i in range(20) for _ in range(4)])
    for fold in folds(SPEAKER, corpus):
        sexes = [name[0] for name in fold.validation_speakers]
        assert {"F", "M"} == set(sexes)


def test_a_dominant_unit_stays_with_the_rows_fitted_on() -> None:
    corpus = columns(["0"] + ["a"] * 90 + ["b"] * 5 + ["c"] * 5)
    for fold in folds(LOSO, corpus)[:1]:
        assert fold.validation_speakers == ("b", "c")


def test_the_only_unit_with_a_class_is_fitted_on() -> None:
    speakers = ["0", "0", *(name for name in "abcde" for _ in range(4))]
    labels = [0 if name != "c" else 1 for name in speakers]
    corpus = columns(speakers, labels=labels)
    for fold in folds(LOSO, corpus):
        if "c" not in fold.test_speakers:
            assert "c" in fold.fit_speakers


def test_a_class_that_only_validation_has_is_noted() -> None:
    corpus = columns(list("0ab"), labels=[0, 0, 1])
    assert folds(LOSO, corpus)[0].notes == (
        "a class occurs among the validation rows that the rows fitted on lack",
    )


def test_the_same_corpus_is_divided_in_the_same_way() -> None:
    first, second = (folds(LOSO, iemocap()) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.validation, b.validation)
