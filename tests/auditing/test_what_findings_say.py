"""What findings and notes say, in which order, and what they advise."""

import numpy as np
import pytest
from audit_corpora import Corpus, features_trained_on_labels, planted, speaker_offsets

from memr_cli.auditing.copies import check_near_identical
from memr_cli.auditing.leakage_probes import LABEL_LEAK
from memr_cli.evaluation.columns import NONE
from memr_cli.evaluation.similarity import NearCopies


def test_a_label_leak_names_uar_and_accuracy_and_says_that_few_speakers_are_rough() -> None:
    corpus = planted(features_trained_on_labels)
    leak = corpus.probes().label_leak
    finding = corpus.finding("label_leak")
    assert finding.value == leak.gap == leak.uar.train - leak.uar.test
    for share in (leak.train, leak.test, leak.uar.train, leak.uar.test):
        assert f"{100 * share:.1f} %" in finding.message
    assert "rough, with 6 and 6 speakers" in finding.message
    corpus.speaker[:] = np.arange(corpus.n) // 24  # one a dialogue: twelve in either part
    assert "rough" not in corpus.finding("label_leak").message


def test_a_label_leak_of_few_speakers_is_a_note_and_no_finding() -> None:
    corpus = planted(features_trained_on_labels)
    corpus.label[corpus.session > 4] = NONE  # leaves four test speakers
    checked = corpus.audit()
    assert checked.findings == ()
    (note,) = checked.notes
    assert note.startswith("label_leak cannot be told for visual: ")
    assert "6 speakers in training and 4 in test" in note
    leak = checked.numbers.modalities["visual"].label_leak
    assert leak.ci95[0] > 0.10


def test_classes_that_one_published_part_lacks_are_no_label_leak() -> None:
    corpus = Corpus()
    corpus.features[:, 1] += 4 * corpus.label
    corpus.label[(corpus.session < 3) & (corpus.label > 1)] = 0
    corpus.features[:, 2] += 6 * (corpus.label == 0)
    leak = corpus.probes().label_leak
    assert leak.uar.test > 0.9


def test_under_the_published_split_scores_with_a_label_leak_are_honest() -> None:
    corpus = planted(features_trained_on_labels)
    assert (
        "Scores under --protocol split are honest" in corpus.finding("label_leak", "split").action
    )
    assert corpus.finding("label_leak").action == LABEL_LEAK.action


def test_a_speaker_probe_says_what_it_had_not_seen() -> None:
    corpus = planted(speaker_offsets)
    assert "of dialogues it has not seen" in corpus.finding("speaker_identity").message
    corpus.dialogue[:] = corpus.session
    corpus.dialogue[corpus.session == 0] = np.arange(96) // 48 * 9
    assert "of dialogues it has," in corpus.finding("speaker_identity").message
    for none in (corpus.speaker, np.full(corpus.n, NONE)):
        corpus.dialogue = none
        message = corpus.finding("speaker_identity").message
        assert "there are no dialogues to keep apart" in message
        assert "dialogues it has" not in message


@pytest.mark.parametrize(
    ("n_found", "by_chance", "expected"),
    [(9, 1e-3, None), (17, 1e-3, None), (40, 1e-3, "warning"), (4, 1e-9, "info"), (1, 0.0, "info"),
     (12, 1e-9, "warning"), (90, 1e-9, "severe"), (0, 0.0, None)],
)  # fmt: skip
def test_near_copies_weigh_what_they_are_more_than_chance_gives(
    n_found: int, by_chance: float, expected: str | None
) -> None:
    tested = np.ones(9000, np.bool_)
    near = NearCopies(tested, np.arange(9000) < n_found, 9.0, by_chance)
    found = [
        str(finding.severity) for finding in check_near_identical("visual", near, 9000).findings
    ]
    assert found == ([expected] if expected else [])


def test_near_copies_that_were_not_looked_for_are_a_note_with_the_reason() -> None:
    corpus = Corpus()
    corpus.features = corpus.features[:, :1]
    assert corpus.audit().notes == (
        "visual: near copies were not looked for; dims that vary: 1, where cosines need 3",
    )
    corpus = Corpus()
    corpus.lose(np.arange(4, corpus.n))
    assert "visual: near copies were not looked for; 4 distinct vectors" in corpus.audit().notes


def test_missing_shares_are_told_with_counts_and_of_groups_large_enough() -> None:
    corpus = Corpus()
    of_class = np.flatnonzero(corpus.label == 1)
    corpus.lose(of_class[::5])
    n, lost = of_class.size, of_class[::5].size
    (rare,) = np.flatnonzero(corpus.label == 3)[:1]
    corpus.label[(corpus.label == 3) & (np.arange(corpus.n) != rare)] = 2
    corpus.lose(np.array([rare]))  # its class is missing throughout
    finding = corpus.finding("uneven_missing")
    assert finding.severity == "warning"
    assert finding.value == lost / n
    assert f"to {100 * lost / n:.1f} % (sadness, {lost} of {n}) of utterances" in finding.message


def test_findings_come_from_the_gravest_on() -> None:
    corpus = planted(features_trained_on_labels)
    corpus.features[:, 9] = 3
    corpus.label[(corpus.label == 3) & (corpus.session == 5)] = 2
    found = [(str(f.severity), f.code) for f in corpus.audit("loso").findings]
    assert [severity for severity, _ in found] == ["severe", *["warning"] * 3, *["info"] * 2]
    assert found[0] == ("severe", "label_leak")


def test_a_class_that_training_lacks_is_named_once_and_alone() -> None:
    corpus = Corpus()
    corpus.label[(corpus.label == 3) & (corpus.session != 2)] = 2  # neutral: in one session
    rows = np.flatnonzero(corpus.label == 3)
    corpus.label[rows[10:]] = 2
    corpus.label[(corpus.label == 1) & (corpus.session == 4)] = 0  # sadness: untested in another
    assert corpus.found() == {"fold_without_class": "severe"}
    finding = corpus.finding("fold_without_class")
    assert finding.value == 1
    assert finding.message == "A class is tested that training lacks in 1 of 6 folds (neutral)."
