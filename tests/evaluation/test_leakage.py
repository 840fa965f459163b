import numpy as np
import pytest
from evaluation_corpora import LOSO, SESSION, SPEAKER, columns, iemocap
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.evaluation import leakage
from memr_cli.evaluation.protocols import folds


def test_speaker_folds_split_conversation_partners_and_session_folds_do_not() -> None:
    corpus = iemocap()
    by_speaker = leakage.dialogues(corpus, folds(SPEAKER, corpus))
    by_session = leakage.dialogues(corpus, folds(SESSION, corpus))
    assert by_speaker == {"share": 1.0, "folds": [1.0] * 5}
    assert by_session == {"share": 0.0, "folds": [0.0] * 5}


@pytest.mark.parametrize(
    ("speakers", "dialogues", "labels", "expected"),
    [
        ("aaabb", ["x", "y", None, "x", None], None, {"share": 2 / 5, "folds": [1 / 3, 1 / 2]}),
        ("aabb", list("xyxz"), [0, 1, -1, 0], {"share": 0.0, "folds": [0.0, 0.0]}),
        ("aabb", None, None, None),
    ],
    ids=["shares are of all test utterances", "unlabelled rows do not train", "no dialogues"],
)
def test_shares_of_dialogues_in_training(
    speakers: str,
    dialogues: list[str | None] | None,
    labels: list[int] | None,
    expected: dict[str, object] | None,
) -> None:
    corpus = columns(list(speakers), dialogues=dialogues, labels=labels)
    assert leakage.dialogues(corpus, folds(LOSO, corpus, validation=False)) == expected


def test_speakers_on_both_sides_are_counted_once() -> None:
    corpus = columns(list("aaabbc"), sessions=["1", "2", "3", "1", "3", "2"])
    assert leakage.speakers(folds(SESSION, corpus)) == 2
    assert leakage.speakers(folds(LOSO, corpus)) == 0


@given(hnp.arrays(np.float32, (8, 2), elements=st.sampled_from([0.0, -0.0, 1.0, np.nan])))
def test_identical_vectors_are_those_with_equal_bytes(features: np.ndarray) -> None:
    corpus = columns(list("aabbccdd"))
    cut = folds(SPEAKER, corpus, 3, validation=False)
    shared, tested = [], []
    for fold in cut:
        known = {features[i].tobytes() for i in fold.train if not np.isnan(features[i]).all()}
        there = [features[i].tobytes() for i in fold.test if not np.isnan(features[i]).all()]
        shared.append(sum(vector in known for vector in there))
        tested.append(len(there))
    expected = [s / t if t else None for s, t in zip(shared, tested, strict=True)]
    total = sum(shared) / sum(tested) if sum(tested) else None
    assert leakage.identical(features, cut) == {"share": total, "folds": expected}


def test_missing_vectors_are_not_identical_to_each_other() -> None:
    corpus = columns(list("aabb"))
    cut = folds(LOSO, corpus, validation=False)
    features = np.full((4, 3), np.nan, np.float32)
    assert leakage.identical(features, cut) == {"share": None, "folds": [None, None]}
    features[:, 1] = [5, np.nan, 5, 6]
    assert leakage.identical(features, cut) == {"share": 2 / 3, "folds": [1.0, 0.5]}


def test_columns_of_a_wider_array_are_hashed_as_their_own() -> None:
    corpus = columns(list("ab"))
    wide = np.arange(12, dtype=np.float32).reshape(2, 6)
    wide[:, 1:4] = 7
    assert leakage.identical(wide[:, 1:4], folds(LOSO, corpus, validation=False))["share"] == 1
