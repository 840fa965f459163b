"""What a reviewer would want to be sure of, on a small store and through the real command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference
from evaluating import QUICK, Run, asking, by_utterance, evaluated, garbled, predictions

from store.reader import Store

Score = Callable[[Any, Any], float]


def test_late_fusion_equals_a_recount_of_the_unimodal_predictions(
    memr: Run, small_store: Path
) -> None:
    evaluated(memr, small_store, "--seeds", "2")
    votes: dict[tuple[str, int], list[int]] = {}
    for modality in ("visual", "acoustic", "lexical"):
        cast = predictions(small_store, modality)
        rows = zip(cast.utterances, cast.seed.tolist(), cast.predicted.tolist(), strict=True)
        for utterance, seed, decision in rows:
            votes.setdefault((utterance, seed), []).append(decision)
    late = predictions(small_store, "late")
    assert len(late.utterances) == len(votes) > 200
    assert {len(cast) for cast in votes.values()} == {1, 2, 3}  # modalities are missing here
    for place, key in enumerate(zip(late.utterances, late.seed.tolist(), strict=True)):
        counts = np.bincount(votes[key], minlength=4)
        assert late.predicted[place] == counts.argmax()
        np.testing.assert_allclose(late.probabilities[place], counts / counts.sum(), rtol=1e-8)


@pytest.mark.parametrize("protocol", ["speaker", "session", "loso"])
def test_every_metric_is_scikit_learns_from_the_predictions_file(
    memr: Run, small_store: Path, protocol: str
) -> None:
    asked = (*asking("early", "late"), "--seeds", "2", "--protocol", protocol)
    for method, result in evaluated(memr, small_store, *asked).items():
        found = predictions(small_store, method, protocol)
        for name, score in SCORES.items():
            parts = [
                [(found.seed == seed) & (found.fold == fold) for fold in np.unique(found.fold)]
                for seed in (0, 1)
            ]
            by_run = np.array(
                [[score(found.true[rows], found.predicted[rows]) for rows in run] for run in parts]
            )
            metric = result["metrics"][name]
            assert metric["folds"] == pytest.approx(by_run.mean(axis=0))
            assert metric["seeds"] == pytest.approx(by_run.mean(axis=1))
            assert metric["mean"] == pytest.approx(by_run.mean())
            assert metric["std"] == pytest.approx(np.std(by_run.mean(axis=0)))
            assert metric["pooled"] == pytest.approx(score(found.true, found.predicted))
            low, high = metric["ci95"]
            assert low <= metric["mean"] <= high
        counts = reference.confusion_matrix(found.true, found.predicted, labels=range(4))
        assert result["confusion"]["counts"] == counts.tolist()
        assert np.sum(result["confusion"]["folds"], axis=0).tolist() == counts.tolist()
        table = reference.precision_recall_fscore_support(
            found.true, found.predicted, labels=range(4), zero_division=0
        )
        for code, entry in enumerate(result["per_class"].values()):
            expected = [column[code] for column in table]
            assert list(entry.values()) == pytest.approx(expected)


def _f1(average: str) -> Score:
    return lambda true, predicted: reference.f1_score(
        true, predicted, labels=range(4), average=average, zero_division=0
    )


SCORES: dict[str, Score] = {
    "f1_micro": _f1("micro"),
    "accuracy": reference.accuracy_score,
    "uar": lambda true, predicted: reference.recall_score(
        true, predicted, labels=np.unique(true), average="macro", zero_division=0
    ),
    "f1_macro": _f1("macro"),
    "f1_weighted": _f1("weighted"),
}


def test_every_labelled_utterance_is_tested_once_per_seed_by_a_fold_that_did_not_train_on_it(
    memr: Run, small_store: Path
) -> None:
    result = evaluated(memr, small_store, *asking("early"), "--seeds", "2")["early"]
    found = predictions(small_store, "early")
    tested = list(zip(found.utterances, found.seed.tolist(), strict=True))
    assert len(set(tested)) == len(tested) == 2 * result["n"]
    folds = result["protocol"]["folds"]
    for speaker, fold in zip(found.speakers, found.fold.tolist(), strict=True):
        assert speaker in folds[fold]["test"]
        assert speaker not in folds[fold]["train"] + folds[fold]["validation"]
    with Store.open(small_store) as store:
        labelled = int((store.utterances.label >= 0).sum())
    assert result["n"] + result["left_out"] == labelled


@pytest.mark.parametrize("preset", ["default", "original"])
def test_labels_of_test_speakers_change_no_prediction_about_them(
    memr: Run, edited_store: Callable[..., Path], preset: str
) -> None:
    """Garble the labels of the first fold's speakers: its models must not notice."""
    told = []
    for name, speakers in (("straight", ()), ("garbled", ("F01", "F02"))):
        store = edited_store(garbled(*speakers), name)
        evaluated(memr, store, *asking("early"), "--preset", preset)
        found = predictions(store, "early")
        tested = set(np.array(found.utterances)[found.fold == 0])
        assert len(tested) > 20
        told.append({key: row for key, row in by_utterance(found).items() if key in tested})
    straight, other = told
    assert straight.keys() == other.keys()
    for utterance, probabilities in straight.items():
        # The store orders rows by label too, and a product of other rows rounds otherwise.
        assert other[utterance] == pytest.approx(probabilities, rel=1e-4)


def test_validation_shares_no_dialogue_with_the_rows_fitted_on(
    memr: Run, small_store: Path
) -> None:
    asked = (*asking("lexical"), "--protocol", "session")
    result = evaluated(memr, small_store, *asked)["lexical"]
    for fold in result["protocol"]["folds"]:
        assert fold["validation"]
        assert {name[1:] for name in fold["validation"]}.isdisjoint(
            name[1:] for name in set(fold["train"]) - set(fold["validation"])
        )
        assert set(fold["validation"]) <= set(fold["train"])  # after the refit
    assert result["settings"]["refit"] is True
    assert result["leakage"]["dialogues"]["share"] == 0


def test_a_warning_says_that_speaker_folds_split_dialogues(
    memr: Run, evaluated_store: Path
) -> None:
    ran = memr("evaluate", "--store", evaluated_store, "--method", "lexical", *QUICK)
    assert ran.lines[0]["leakage"]["dialogues"]["share"] > 0.9
    assert "come from a dialogue that is in training too" in ran.stderr
    assert "--protocol session" in ran.stderr


def test_utterances_without_the_modality_are_left_out_and_counted(
    memr: Run, evaluated_store: Path
) -> None:
    result = evaluated(memr, evaluated_store, *asking("visual"))["visual"]
    with Store.open(evaluated_store) as store:
        labelled = store.utterances.label >= 0
        lacking = int((labelled & ~store.present("visual")).sum())
        n = int(labelled.sum())
    assert lacking > 0
    assert (result["left_out"], result["n"]) == (lacking, n - lacking)
    assert result["notes"][0].startswith(f"{lacking} of {n} labelled test utterances are left out")


def test_the_original_preset_trains_on_everyone_but_the_tested_and_chooses_nothing(
    memr: Run, small_store: Path
) -> None:
    result = evaluated(memr, small_store, *asking("late"), "--preset", "original")["late"]
    for fold in result["protocol"]["folds"]:
        assert (fold["validation"], fold["n_validation"]) == ([], 0)
        assert len(fold["train"]) == 8
    assert result["settings"]["refit"] is False
