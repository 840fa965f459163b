"""What a reviewer would want to be sure of, on a small store and through the real command line."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as reference

from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from memr_cli.results.predictions import Predictions
from store.reader import Store

Run = Callable[..., Any]
QUICK = ("--epochs", "6")


def predictions(store: Path, method: str, protocol: str = "speaker") -> Predictions:
    return Predictions.read(store.parent / "predictions" / protocol / f"{method}.csv")


def test_late_fusion_equals_a_recount_of_the_unimodal_predictions(
    memr: Run, small_store: Path
) -> None:
    memr("evaluate", "--store", small_store, "--seeds", 2, *QUICK)
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
    ran = memr(
        "evaluate",
        "--store",
        small_store,
        "--seeds",
        2,
        "--protocol",
        protocol,
        *QUICK,
        "--method",
        "early",
        "--method",
        "late",
    )
    for result in ran.lines:
        found = predictions(small_store, result["method"], protocol)
        for name, score in SCORES.items():
            by_run = np.array(
                [
                    [score(found, (found.seed == seed) & (found.fold == fold)) for fold in folds]
                    for seed in np.unique(found.seed)
                    for folds in [np.unique(found.fold)]
                ]
            )
            metric = result["metrics"][name]
            assert metric["folds"] == pytest.approx(by_run.mean(axis=0))
            assert metric["seeds"] == pytest.approx(by_run.mean(axis=1))
            assert metric["mean"] == pytest.approx(by_run.mean())
            assert metric["std"] == pytest.approx(np.std(by_run.mean(axis=0)))
            assert metric["pooled"] == pytest.approx(score(found, found.seed >= 0))
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


def _f1(average: str) -> Callable[[Predictions, Any], float]:
    def score(found: Predictions, rows: Any) -> float:
        value = reference.f1_score(
            found.true[rows],
            found.predicted[rows],
            labels=range(4),
            average=average,
            zero_division=0,
        )
        return float(value)

    return score


def _recall(found: Predictions, rows: Any) -> float:
    classes = np.unique(found.true[rows])
    return float(
        reference.recall_score(
            found.true[rows],
            found.predicted[rows],
            labels=classes,
            average="macro",
            zero_division=0,
        )
    )


SCORES: dict[str, Callable[[Predictions, Any], float]] = {
    "f1_micro": _f1("micro"),
    "accuracy": lambda found, rows: float(
        reference.accuracy_score(found.true[rows], found.predicted[rows])
    ),
    "uar": _recall,
    "f1_macro": _f1("macro"),
    "f1_weighted": _f1("weighted"),
}


def test_every_labelled_utterance_is_tested_once_per_seed_by_a_fold_that_did_not_train_on_it(
    memr: Run, small_store: Path
) -> None:
    (result,) = memr(
        "evaluate", "--store", small_store, "--method", "early", "--seeds", 2, *QUICK
    ).lines
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
    memr: Run, small_raw: Path, tmp_path: Path, preset: str
) -> None:
    """Garble the labels of the first fold's speakers: its models must not notice."""
    told = {}
    for name, garbled in (("straight", False), ("garbled", True)):
        raw = tmp_path / name
        shutil.copytree(small_raw, raw)
        with (small_raw / "dataset.csv").open() as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if garbled and row["speakers"] in ("F01", "F02") and row["emotion_labels"]:
                row["emotion_labels"] = str((int(row["emotion_labels"]) + 1) % 4)
        with (raw / "dataset.csv").open("w") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        store = raw / "memr.h5"
        ingest(raw, store, IngestSettings(), silent)
        ran = memr("evaluate", "--store", store, "--method", "early", "--preset", preset, *QUICK)
        assert ran.code == 0, ran.stderr
        found = predictions(store, "early")
        told[name] = {
            utterance: found.probabilities[place].tolist()
            for place, utterance in enumerate(found.utterances)
            if found.fold[place] == 0
        }
        assert len(told[name]) > 20
    assert told["straight"].keys() == told["garbled"].keys()
    for utterance, probabilities in told["straight"].items():
        # The store orders rows by label too, and a product of other rows rounds otherwise.
        assert told["garbled"][utterance] == pytest.approx(probabilities, rel=1e-4)


def test_validation_shares_no_dialogue_with_the_rows_fitted_on(
    memr: Run, small_store: Path
) -> None:
    (result,) = memr(
        "evaluate", "--store", small_store, "--method", "lexical", "--protocol", "session", *QUICK
    ).lines
    for fold in result["protocol"]["folds"]:
        assert fold["validation"]
        assert {name[1:] for name in fold["validation"]}.isdisjoint(
            name[1:] for name in set(fold["train"]) - set(fold["validation"])
        )
        assert set(fold["validation"]) <= set(fold["train"])  # after the refit
    assert result["settings"]["refit"] is True
    assert result["leakage"]["dialogues"]["share"] == 0


def test_the_usual_speaker_folds_are_told_to_split_dialogues(memr: Run, small_store: Path) -> None:
    ran = memr("evaluate", "--store", small_store, "--method", "lexical", *QUICK)
    assert ran.lines[0]["leakage"]["dialogues"]["share"] > 0.9
    assert "come from a dialogue that is in training too" in ran.stderr
    assert "--protocol session" in ran.stderr


def test_utterances_without_the_modality_are_left_out_and_counted(
    memr: Run, small_store: Path
) -> None:
    (result,) = memr("evaluate", "--store", small_store, "--method", "visual", *QUICK).lines
    with Store.open(small_store) as store:
        labelled = store.utterances.label >= 0
        lacking = int((labelled & ~store.present("visual")).sum())
        n = int(labelled.sum())
    assert lacking > 0
    assert (result["left_out"], result["n"]) == (lacking, n - lacking)
    assert result["notes"][0].startswith(f"{lacking} of {n} labelled test utterances are left out")


def test_the_original_preset_trains_on_everyone_but_the_tested_and_chooses_nothing(
    memr: Run, small_store: Path
) -> None:
    (result,) = memr(
        "evaluate", "--store", small_store, "--method", "late", "--preset", "original", *QUICK
    ).lines
    for fold in result["protocol"]["folds"]:
        assert (fold["validation"], fold["n_validation"]) == ([], 0)
        assert len(fold["train"]) == 8
    assert result["settings"]["refit"] is False
