"""Every fault an audit knows is found where it is planted, and nowhere else."""

from collections.abc import Callable

import numpy as np
import pytest
from audit_corpora import (
    CLASSES,
    N_DIMS,
    Corpus,
    features_trained_on_labels,
    planted,
    speaker_offsets,
)

from memr_cli.auditing.run import CODES
from memr_cli.evaluation.columns import NONE
from memr_cli.results.audit import Shared
from memr_cli.results.schema import to_json

Plant = Callable[[Corpus], None]


def a_speaker_of_two_sessions(corpus: Corpus) -> None:
    corpus.speaker[corpus.rows(1)[::2]] = 0


def a_dialogue_across_sessions(corpus: Corpus) -> None:
    """A dialogue goes on in the next session, with other speakers."""
    corpus.dialogue[corpus.rows(1)[:24]] = 0


def copies(corpus: Corpus) -> None:
    corpus.features[corpus.rows(1)[:8]] = corpus.features[corpus.rows(0)[:8]]


def repeated_words(corpus: Corpus) -> None:
    corpus.name = "lexical"
    copies(corpus)


def many_repeated_words(corpus: Corpus) -> None:
    corpus.name = "lexical"
    corpus.features[corpus.rows(1)[:80]] = corpus.features[corpus.rows(0)[:80]]


def noisy_copies(corpus: Corpus) -> None:
    copies(corpus)
    shape = (8, corpus.features.shape[1])
    corpus.features[corpus.rows(1)[:8]] += 0.02 * corpus.rng.standard_normal(shape)


def noisy_copies_of_features_never_negative(corpus: Corpus) -> None:
    positive(corpus)
    noisy_copies(corpus)


def noisy_copies_beside_a_wild_row(corpus: Corpus) -> None:
    noisy_copies(corpus)
    a_wild_row(corpus)


def a_few_noisy_copies(corpus: Corpus) -> None:
    corpus.features[corpus.rows(1)[:2]] = corpus.features[corpus.rows(0)[:2]] + np.float32(0.005)


def a_wild_row(corpus: Corpus) -> None:
    corpus.features[300] = 1e5 * corpus.rng.random(corpus.features.shape[1])


def scripts_played_again(corpus: Corpus) -> None:
    corpus.kind = "script"


def scripted_lines_repeated(corpus: Corpus) -> None:
    corpus.kind = "script"
    many_repeated_words(corpus)


def a_rare_class(corpus: Corpus) -> None:
    """Three utterances a session."""
    for session in range(6):
        rows = corpus.rows(session)
        corpus.label[rows[corpus.label[rows] == 3][3:]] = 2


def a_very_rare_class(corpus: Corpus) -> None:
    """One utterance a session."""
    of_class = np.flatnonzero(corpus.label == 3)
    first = np.unique(corpus.session[of_class], return_index=True)[1]
    corpus.label[np.setdiff1d(of_class, of_class[first])] = 2


def a_class_in_one_session(corpus: Corpus) -> None:
    corpus.label[(corpus.label == 3) & (corpus.session != 2)] = 2


def a_class_missing_from_one_session(corpus: Corpus) -> None:
    corpus.label[(corpus.label == 3) & (corpus.session == 2)] = 2


def a_speaker_who_says_little(corpus: Corpus) -> None:
    corpus.label[np.flatnonzero(corpus.speaker == 4)[3:]] = NONE


def a_session_of_few_utterances(corpus: Corpus) -> None:
    """Four of each class, from both speakers."""
    rows = corpus.rows(2)
    kept = [rows[corpus.label[rows] == code][:4] for code in range(len(CLASSES))]
    corpus.label[np.setdiff1d(rows, np.concatenate(kept))] = NONE


def a_dim_that_never_varies(corpus: Corpus) -> None:
    corpus.features[:, 5] = 3


def a_dim_that_wakes_in_test(corpus: Corpus) -> None:
    corpus.features[corpus.session != 2, 5] = 0


def a_repeated_dim(corpus: Corpus) -> None:
    corpus.features[:, 5] = 2 - 10 * corpus.features[:, 4]


def a_wild_value(corpus: Corpus) -> None:
    corpus.features[7, 5] = 100


def a_broken_value(corpus: Corpus) -> None:
    corpus.features[7, 5] = -1e6


def a_wild_value_among_zeros(corpus: Corpus) -> None:
    corpus.features[:, 5] = 0
    corpus.features[7, 5], corpus.features[300, 5] = 100, 1


def missing_by_class(corpus: Corpus) -> None:
    corpus.lose(np.flatnonzero((corpus.label == 1) & (corpus.rng.random(corpus.n) < 0.2)))


def missing_mostly_of_one_class(corpus: Corpus) -> None:
    corpus.lose(np.flatnonzero((corpus.label == 1) & (corpus.rng.random(corpus.n) < 0.5)))


def missing_by_speaker(corpus: Corpus) -> None:
    corpus.lose(np.flatnonzero((corpus.speaker == 1) & (corpus.rng.random(corpus.n) < 0.5)))


def lengths_by_class(corpus: Corpus) -> None:
    corpus.frames[corpus.label == 2] += 16


def lengths_that_name_the_class(corpus: Corpus) -> None:
    corpus.frames[:] = 20 + 10 * corpus.label


PLANTS: list[tuple[Plant, str, dict[str, str]]] = [
    (a_speaker_of_two_sessions, "session",
     {"shared_speakers": "severe", "split_partners": "warning"}),
    (a_dialogue_across_sessions, "session",
     {"shared_dialogues": "warning", "split_partners": "warning"}),
    (copies, "session", {"identical_vectors": "severe"}),
    (repeated_words, "session", {"identical_vectors": "info"}),
    (many_repeated_words, "session", {"identical_vectors": "severe"}),
    (noisy_copies, "session", {"near_identical_vectors": "severe"}),
    (noisy_copies_of_features_never_negative, "session", {"near_identical_vectors": "severe"}),
    (noisy_copies_beside_a_wild_row, "session",
     {"near_identical_vectors": "severe", "outliers": "warning"}),
    (a_few_noisy_copies, "session", {"near_identical_vectors": "info"}),
    (a_wild_row, "session", {"outliers": "warning"}),
    (scripts_played_again, "session", {"scripted_lines": "info"}),
    (scripted_lines_repeated, "session",
     {"identical_vectors": "severe", "scripted_lines": "warning"}),
    (features_trained_on_labels, "session", {"label_leak": "severe"}),
    (speaker_offsets, "session", {"speaker_identity": "info"}),
    (a_rare_class, "session", {"small_class": "warning"}),
    (a_very_rare_class, "split", {"small_class": "severe"}),
    (a_class_in_one_session, "session", {"fold_without_class": "severe"}),
    (a_class_missing_from_one_session, "session", {"fold_without_class": "warning"}),
    (a_speaker_who_says_little, "session", {"small_speaker": "info"}),
    (a_session_of_few_utterances, "session", {"small_speaker": "warning"}),
    (a_dim_that_never_varies, "session", {"dead_dimensions": "info"}),
    (a_dim_that_wakes_in_test, "session", {"dead_dimensions": "warning"}),
    (a_repeated_dim, "session", {"duplicated_dimensions": "info"}),
    (a_wild_value, "session", {"outliers": "info"}),
    (a_broken_value, "session", {"outliers": "warning"}),
    (a_wild_value_among_zeros, "session", {"outliers": "info"}),
    (missing_by_class, "session", {"uneven_missing": "warning"}),
    (missing_mostly_of_one_class, "session", {"uneven_missing": "severe"}),
    (missing_by_speaker, "session", {"uneven_missing": "warning"}),
    (lengths_by_class, "session", {"length_shortcut": "warning"}),
    (lengths_that_name_the_class, "session", {"length_shortcut": "severe"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("plant", "protocol", "expected"), PLANTS, ids=[plant.__name__ for plant, *_ in PLANTS]
)
def test_a_planted_fault_is_found_and_nothing_else(
    plant: Plant, protocol: str, expected: dict[str, str]
) -> None:
    assert planted(plant).found(protocol) == expected


def test_a_clean_corpus_is_passed_over_in_silence() -> None:
    assert Corpus().found("session") == {}
    assert Corpus(name="lexical").found("split") == {}


def test_speaker_folds_share_dialogues_sessions_and_partners() -> None:
    assert Corpus().found("loso") == {
        "shared_dialogues": "warning",
        "shared_sessions": "info",
        "split_partners": "warning",
    }


def test_every_code_is_planted_once() -> None:
    planted = {code for _, _, expected in PLANTS for code in expected} | {"shared_sessions"}
    assert planted == set(CODES)


def positive(corpus: Corpus) -> None:
    """As after a rectifier: all features positive, far from 0."""
    corpus.features = np.abs(corpus.features) + 50


def sparse(corpus: Corpus) -> None:
    corpus.features = np.maximum(corpus.features, 0)


def heavy_tails(corpus: Corpus) -> None:
    corpus.features = np.exp(corpus.features)


def missing_at_random(corpus: Corpus) -> None:
    corpus.lose(np.flatnonzero(corpus.rng.random(corpus.n) < 0.1))


def missing_a_little_by_class(corpus: Corpus) -> None:
    """No accident, and too little to matter."""
    corpus.lose(np.flatnonzero(corpus.label == 1)[::13])


def a_hard_test_part(corpus: Corpus) -> None:
    """Noisier features in the test part make no gap of 10 points."""
    corpus.features[:, 1] += corpus.label
    corpus.features[corpus.session > 2, 1] += 0.5 * corpus.rng.standard_normal(288)


def noise_with_other_class_shares_in_test(corpus: Corpus) -> None:
    """Naming the most frequent class scores 45 points more in training."""
    corpus.features = corpus.rng.standard_normal((corpus.n, N_DIMS)).astype(np.float32)
    share = np.where(corpus.session < 3, 0.7, 0.25)
    others = corpus.rng.integers(1, len(CLASSES), corpus.n)
    corpus.label = np.where(corpus.rng.random(corpus.n) < share, 0, others)


def one_dim(corpus: Corpus) -> None:
    corpus.features = corpus.features[:, :1]


def no_published_split(corpus: Corpus) -> None:
    corpus.published = False


@pytest.mark.parametrize(
    "change", [positive, sparse, heavy_tails, missing_at_random, missing_a_little_by_class,
               a_hard_test_part, noise_with_other_class_shares_in_test, one_dim,
               no_published_split], ids=lambda change: change.__name__,
)  # fmt: skip
def test_what_is_no_fault_is_no_finding(change: Plant) -> None:
    assert planted(change).found() == {}


def test_identity_is_a_warning_where_test_speakers_are_trained_on() -> None:
    corpus = planted(speaker_offsets, a_speaker_of_two_sessions)
    assert corpus.found()["speaker_identity"] == "warning"


def test_normalising_each_speaker_takes_its_offset_away() -> None:
    numbers = planted(speaker_offsets).probes().speaker_identity
    assert numbers.accuracy > 0.9
    assert numbers.normalised < numbers.chance + 0.05
    assert numbers.by_dialogue


def test_what_could_not_be_told_is_a_note() -> None:
    corpus = Corpus(published=False)
    corpus.frames[:] = 1
    assert [note.partition(":")[0] for note in corpus.audit().notes] == [
        "label_leak cannot be told",
        "length_shortcut cannot be told for visual",
    ]


def test_numbers_are_there_without_findings() -> None:
    numbers = Corpus().audit().numbers
    assert numbers.shared == Shared(speakers=0.0, dialogues=0.0, sessions=0.0, partners=0.0)
    assert list(to_json(numbers.modalities["visual"])) == [
        "identical", "near_identical", "speaker_identity", "dimensions", "outliers", "missing",
        "length", "label_leak",
    ]  # fmt: skip
    assert set(numbers.classes) == set(CLASSES)


@pytest.mark.parametrize("protocol", ["session", "loso", "split"])
@pytest.mark.parametrize("n_labelled", [1, 3])
def test_a_tiny_corpus_is_audited_too(n_labelled: int, protocol: str) -> None:
    corpus = Corpus()
    kept = [np.flatnonzero(corpus.speaker == who)[:n_labelled] for who in range(12)]
    corpus.label[np.setdiff1d(np.arange(corpus.n), np.concatenate(kept))] = NONE
    assert "small_speaker" in corpus.found(protocol)


def test_a_modality_that_no_labelled_utterance_has_is_said_to_be_missing_and_no_more() -> None:
    corpus = Corpus()
    corpus.label[::2] = NONE
    corpus.lose(np.flatnonzero(corpus.label != NONE))
    checked = corpus.audit()
    assert checked.findings == ()
    assert checked.numbers.modalities["visual"].missing.share == 1


def test_a_speaker_who_talks_alone_has_no_partner() -> None:
    corpus = Corpus()
    corpus.dialogue = corpus.dialogue * 2 + corpus.speaker % 2
    a_speaker_of_two_sessions(corpus)
    assert corpus.found() == {"shared_speakers": "severe"}


def test_a_gap_that_may_be_chance_is_no_label_leak() -> None:
    corpus = Corpus()
    corpus.features[:, 1] += corpus.label
    test = corpus.session > 2
    corpus.features[test, :2] += 2.5 * corpus.rng.standard_normal((288, 2))
    checked = corpus.audit()
    leak = checked.numbers.modalities["visual"].label_leak
    assert leak.gap > 0.10 > leak.ci95[0]
    assert checked.findings == ()


def test_labels_that_follow_speakers_are_no_label_leak() -> None:
    """Folds within the training part keep speakers apart, so who speaks tells nothing there."""
    corpus = planted(speaker_offsets)
    train = corpus.session < 3
    corpus.label[train] = corpus.speaker[train] % len(CLASSES)
    checked = corpus.audit()
    assert "label_leak" not in {finding.code for finding in checked.findings}
    assert checked.numbers.modalities["visual"].label_leak.train < 0.5
