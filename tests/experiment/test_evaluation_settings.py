"""Subsets, normalisation by speaker and calibration, through the command line."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from memr_cli.corpora.iemocap import kind_of
from memr_cli.results.predictions import Predictions
from memr_cli.vocabulary import Subset

Run = Callable[..., Any]
QUICK = ("--epochs", "2", "--method", "acoustic", "--method", "lexical")


def predictions(store: Path, method: str) -> Predictions:
    return Predictions.read(store.parent / "predictions" / "speaker" / f"{method}.csv")


def by_method(ran: Any) -> dict[str, dict[str, Any]]:
    assert ran.code == 0, ran.stderr
    return {result["method"]: result for result in ran.lines}


def test_a_subset_is_all_that_is_trained_on_and_tested(memr: Run, small_store: Path) -> None:
    whole = by_method(memr("evaluate", "--store", small_store, *QUICK))["lexical"]
    parts = {
        subset: by_method(memr("evaluate", "--store", small_store, *QUICK, "--subset", subset))
        for subset in ("improvised", "scripted")
    }
    tested = predictions(small_store, "lexical").utterances
    assert {kind_of(name) for name in tested} == {Subset.SCRIPTED}
    assert sum(part["lexical"]["n"] for part in parts.values()) == whole["n"]
    for subset, part in parts.items():
        result = part["lexical"]
        assert result["settings"]["subset"] == subset
        assert f"{subset} dialogues alone" in result["protocol"]["description"]
        folds = result["protocol"]["folds"]
        assert all(fold["n_train"] + fold["n_test"] <= result["n"] for fold in folds)


def test_a_subset_that_no_id_tells_is_refused(memr: Run, small_raw: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(small_raw, raw)
    with (small_raw / "dataset.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (raw / "dataset.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [header, *([f"clip{number}", *row[1:]] for number, row in enumerate(rows))]
        )
    store = tmp_path / "memr.h5"
    assert memr("ingest", raw, "--store", store).code == 0
    ran = memr("evaluate", "--store", store, "--subset", "improvised")
    assert (ran.code, ran.stdout) == (5, "")
    assert "Ses01F_impro01_F001" in ran.stderr
    assert "--subset all" in ran.stderr


def test_normalising_one_modality_by_speaker_leaves_models_of_others_fresh(
    memr: Run, small_store: Path
) -> None:
    before = by_method(memr("evaluate", "--store", small_store, *QUICK))
    ran = memr("evaluate", "--store", small_store, *QUICK, "--normalize", "acoustic=speaker")
    after = by_method(ran)
    assert after["lexical"]["reused"]
    assert not after["acoustic"]["reused"]
    assert after["acoustic"]["transductive"]
    assert not after["lexical"]["transductive"]
    assert after["acoustic"]["settings"]["normalize"] == {"acoustic": "speaker"}
    assert any("without labels" in note for note in after["acoustic"]["notes"])
    assert before["acoustic"]["metrics"] != after["acoustic"]["metrics"]
    # Equal sentences stay equal however features are normalised.
    assert before["acoustic"]["leakage"] == after["acoustic"]["leakage"]


def test_the_last_word_on_a_modality_counts(memr: Run, small_store: Path) -> None:
    words = ("--normalize", "acoustic=speaker", "--normalize", "speaker",
             "--normalize", "text=global")  # fmt: skip
    found = by_method(memr("evaluate", "--store", small_store, *QUICK, *words))
    assert found["acoustic"]["settings"]["normalize"] == {"acoustic": "speaker"}
    assert found["lexical"]["settings"]["normalize"] == {"lexical": "global"}


@pytest.mark.parametrize("word", ["sometimes", "smell=speaker", "=speaker", "acoustic=", ""])
def test_a_word_that_normalises_nothing_is_wrong_usage(
    memr: Run, small_store: Path, word: str
) -> None:
    ran = memr("evaluate", "--store", small_store, "--normalize", word)
    assert (ran.code, ran.stdout) == (2, "")
    assert "acoustic=speaker" in ran.stderr


def test_calibration_changes_probabilities_and_no_decision(memr: Run, small_store: Path) -> None:
    call = ("evaluate", "--store", small_store, *QUICK, "--seeds", "2", "--method", "late")
    plain = by_method(memr(*call))
    before = predictions(small_store, "lexical")
    calibrated = by_method(memr(*call, "--calibrate", "temperature"))
    after = predictions(small_store, "lexical")
    np.testing.assert_array_equal(before.predicted, after.predicted)
    assert np.abs(before.probabilities - after.probabilities).max() > 0.01
    assert plain["lexical"]["metrics"] == calibrated["lexical"]["metrics"]
    assert plain["lexical"]["calibration"]["temperatures"] is None
    fitted = calibrated["lexical"]["calibration"]["temperatures"]
    assert [(one["fold"], one["seed"]) for one in fitted] == [
        (fold, seed) for seed in range(2) for fold in range(5)
    ]
    assert calibrated["late"]["calibration"]["brier"] is None
    assert any(note.startswith("no calibration") for note in calibrated["late"]["notes"])
    assert all(one["n"] > 10 for one in fitted)
    assert [one["temperature"] != 1 for one in fitted] == [one["fitted"] for one in fitted]
    assert calibrated["late"]["reused"]  # nothing of it is calibrated
    assert calibrated["late"]["settings"]["calibrate"] is None
    assert by_method(memr(*call, "--calibrate", "temperature"))["lexical"]["reused"]


def test_temperatures_come_from_validation_rows_and_a_model_blind_to_them(
    memr: Run, small_store: Path
) -> None:
    """Recomputed from the checkpoint's arrays before the refit."""
    from memr_cli.data.dataset import open_dataset
    from memr_cli.evaluation.calibration import fitted_temperature
    from memr_cli.evaluation.protocols import ProtocolName, folds, restrict
    from memr_cli.learning.checkpoints import read
    from memr_cli.methods.registry import named
    from memr_cli.vocabulary import MODALITIES, Preset
    from store.reader import Store

    ran = memr("evaluate", "--store", small_store, *QUICK, "--calibrate", "temperature")
    told = by_method(ran)["lexical"]["calibration"]["temperatures"]
    method = named("lexical")
    with Store.open(small_store) as store:
        data = open_dataset(store, MODALITIES)
        (fold, *_) = folds(ProtocolName.SPEAKER, data.columns)
        fold = restrict(fold, data.present["lexical"], data.columns)
        checkpoint = read(
            small_store.parent / "checkpoints/speaker/lexical/seed0/fold0.safetensors"
        )
        before = {
            name.removeprefix("selection."): array
            for name, array in checkpoint.arrays.items()
            if name.startswith("selection.")
        }
        settings = method.settings(Preset.DEFAULT, {"epochs": 2})  # type: ignore[union-attr]
        rows = fold.validation
        probabilities = method.predict(before, data, settings, rows)  # type: ignore[union-attr]
        expected = fitted_temperature(probabilities, data.columns.label[rows].astype(np.int64))
    assert told[0]["temperature"] == pytest.approx(expected, rel=1e-6)


def test_calibrating_without_validation_rows_is_wrong_usage(memr: Run, small_store: Path) -> None:
    ran = memr("evaluate", "--store", small_store, "--preset", "original",
               "--calibrate", "temperature")  # fmt: skip
    assert (ran.code, ran.stdout) == (2, "")
    assert "validation" in ran.stderr


def test_scores_by_speaker_and_session_add_up(memr: Run, small_store: Path) -> None:
    result = by_method(memr("evaluate", "--store", small_store, *QUICK, "--seeds", "2"))["lexical"]
    found = predictions(small_store, "lexical")
    for groups in (result["by_speaker"], result["by_session"]):
        assert sum(group["n"] for group in groups.values()) == result["n"]
        right = sum(group["n"] * group["f1_micro"] for group in groups.values())
        assert right == pytest.approx((found.true == found.predicted).sum() / 2)
    assert list(result["by_speaker"]) == sorted(set(found.speakers))


def test_normalising_a_modality_that_the_store_lacks_is_refused(
    memr: Run, small_store: Path, tmp_path: Path, reseal: Callable[[Path], None]
) -> None:
    without = tmp_path / "without.h5"
    with h5py.File(small_store) as source, h5py.File(without, "w") as target:
        for name in source:
            source.copy(name, target)
        target.attrs.update(source.attrs)
        del target["features/visual"]
    reseal(without)
    ran = memr("evaluate", "--store", without, "--normalize", "video=speaker")
    assert (ran.code, ran.stdout) == (5, "")
    assert "visual" in ran.stderr
    assert "acoustic, lexical" in ran.stderr


@pytest.mark.parametrize(
    ("method", "option", "words"),
    [
        ("late", ["--calibrate", "temperature"], "--calibrate has no effect on late"),
        ("lexical", ["--normalize", "audio=speaker"], "acoustic=speaker has no effect on lexical"),
        ("lexical", ["--modality-dropout", "0.3"], "--modality-dropout has no effect on lexical"),
    ],
)
def test_an_option_without_effect_is_wrong_usage(
    memr: Run, small_store: Path, method: str, option: list[str], words: str
) -> None:
    ran = memr("evaluate", "--store", small_store, "--method", method, *option)
    assert (ran.code, ran.stdout) == (2, "")
    assert words in ran.stderr


def test_training_tells_that_test_speakers_features_are_used(memr: Run, small_store: Path) -> None:
    call = ("train", "--store", small_store, *QUICK, "--normalize", "acoustic=speaker")
    trained = by_method(memr(*call))
    assert [trained[name]["transductive"] for name in ("acoustic", "lexical")] == [True, False]
    assert any("transductive" in note for note in trained["acoustic"]["notes"])
    assert not any("transductive" in note for note in trained["lexical"]["notes"])


def test_a_result_that_cannot_be_made_replaces_nothing_and_says_nothing_of_it(
    memr: Run, small_store: Path
) -> None:
    assert memr("evaluate", "--store", small_store, *QUICK).code == 0
    ran = memr("evaluate", "--store", small_store, *QUICK, "--folds", "11")
    assert ran.code == 5
    assert "is replaced" not in ran.stderr


def test_small_folds_and_small_speakers_are_told_of(memr: Run, small_store: Path) -> None:
    call = ("evaluate", "--store", small_store, *QUICK, "--normalize", "acoustic=speaker")
    notes = by_method(memr(*call))["acoustic"]["notes"]
    assert any("pooled value is the better one" in note for note in notes)
    assert not any("have fewer than 10 utterances" in note for note in notes)


def test_a_note_counts_the_temperatures_that_could_not_be_fitted() -> None:
    from memr_cli.experiment.scoring import calibration_notes
    from memr_cli.results.evaluation import Calibration, Measure, Temperature

    brier = Measure(mean=0.5, std=0.0, folds=(0.5,), seeds=(0.5,), pooled=0.5)
    temperatures = (
        Temperature(fold=0, seed=0, temperature=1.3, n=40, fitted=True),
        Temperature(fold=1, seed=0, temperature=1.0, n=2, fitted=False),
    )
    found = Calibration(brier=brier, ece=brier, aurc=brier, bins=(), temperatures=temperatures)
    (note,) = calibration_notes(found, 5000)
    assert note.startswith("1 of 2 temperatures are 1, since 2 validation rows")
