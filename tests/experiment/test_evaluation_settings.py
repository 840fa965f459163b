"""Subsets, normalisation by speaker and calibration, through the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluating import Run, arrays_before_refit, asking, evaluated, predictions

from memr_cli.corpora.iemocap import kind_of
from memr_cli.data.dataset import open_dataset
from memr_cli.evaluation.calibration import fitted_temperature
from memr_cli.evaluation.protocols import folds, restrict
from memr_cli.experiment.scoring import calibration_notes
from memr_cli.methods.registry import named
from memr_cli.results.evaluation import Calibration, Measure, Temperature
from memr_cli.vocabulary import MODALITIES, Preset, ProtocolName, Subset
from store.reader import Store

BOTH = asking("acoustic", "lexical")
CALIBRATED = ("--calibrate", "temperature")


def test_a_subset_is_all_that_is_trained_on_and_tested(memr: Run, evaluated_store: Path) -> None:
    whole = evaluated(memr, evaluated_store, *BOTH)["lexical"]
    parts = {
        subset: evaluated(memr, evaluated_store, *BOTH, "--subset", subset)["lexical"]
        for subset in ("improvised", "scripted")
    }
    tested = predictions(evaluated_store, "lexical").utterances
    assert {kind_of(name) for name in tested} == {Subset.SCRIPTED}
    assert sum(part["n"] for part in parts.values()) == whole["n"]
    for subset, result in parts.items():
        assert result["settings"]["subset"] == subset
        assert f"{subset} dialogues alone" in result["protocol"]["description"]
        every = result["protocol"]["folds"]
        assert all(fold["n_train"] + fold["n_test"] <= result["n"] for fold in every)


def test_a_subset_that_no_id_names_is_refused(memr: Run, edited_store: Callable[..., Path]) -> None:
    def renamed(rows: list[dict[str, str]]) -> None:
        name = next(iter(rows[0]))
        for number, row in enumerate(rows):
            row[name] = f"clip{number}"

    ran = memr("evaluate", "--store", edited_store(renamed), "--subset", "improvised")
    assert (ran.code, ran.stdout) == (5, "")
    assert "Ses01F_impro01_F001" in ran.stderr
    assert "--subset all" in ran.stderr


def test_normalising_one_modality_by_speaker_leaves_models_of_others_fresh(
    memr: Run, evaluated_store: Path
) -> None:
    before = evaluated(memr, evaluated_store, *BOTH)
    after = evaluated(memr, evaluated_store, *BOTH, "--normalize", "acoustic=speaker")
    assert [after[name]["reused"] for name in ("acoustic", "lexical")] == [False, True]
    assert [after[name]["transductive"] for name in ("acoustic", "lexical")] == [True, False]
    assert after["acoustic"]["settings"]["normalize"] == {"acoustic": "speaker"}
    notes = after["acoustic"]["notes"]
    assert any("without labels" in note for note in notes)
    assert any("pooled value is the better one" in note for note in notes)  # folds are small
    assert not any("have fewer than 10 utterances" in note for note in notes)
    assert before["acoustic"]["metrics"] != after["acoustic"]["metrics"]
    # Equal sentences stay equal however features are normalised.
    assert before["acoustic"]["leakage"] == after["acoustic"]["leakage"]


def test_training_reports_that_it_is_transductive(memr: Run, small_store: Path) -> None:
    call = (*BOTH, "--normalize", "acoustic=speaker")
    trained = evaluated(memr, small_store, *call, command="train")
    for name, uses in (("acoustic", True), ("lexical", False)):
        assert trained[name]["transductive"] == uses
        assert any("transductive" in note for note in trained[name]["notes"]) == uses


def test_the_last_word_on_a_modality_counts(memr: Run, small_store: Path) -> None:
    words = ("--normalize", "acoustic=speaker", "--normalize", "speaker",
             "--normalize", "text=global")  # fmt: skip
    found = evaluated(memr, small_store, *BOTH, *words)
    assert found["acoustic"]["settings"]["normalize"] == {"acoustic": "speaker"}
    assert found["lexical"]["settings"]["normalize"] == {"lexical": "global"}


def test_calibration_changes_probabilities_and_no_decision(memr: Run, small_store: Path) -> None:
    call = (*asking("lexical", "late-mean", "late-stack", "late"), "--seeds", "2")
    plain = evaluated(memr, small_store, *call)
    before = {name: predictions(small_store, name) for name in plain}
    calibrated = evaluated(memr, small_store, *call, *CALIBRATED)
    late = calibrated.pop("late")
    assert late["reused"]  # nothing of it is calibrated
    assert (late["settings"]["calibrate"], late["calibration"]["brier"]) == (None, None)
    assert any(note.startswith("no calibration") for note in late["notes"])
    for name, result in calibrated.items():
        was, now = before[name], predictions(small_store, name)
        np.testing.assert_array_equal(was.predicted, now.predicted)
        assert np.abs(was.probabilities - now.probabilities).max() > 0.005
        assert plain[name]["metrics"] == result["metrics"]
        assert plain[name].get("fusion") == result.get("fusion")
        assert plain[name]["calibration"]["temperatures"] is None
        fitted = result["calibration"]["temperatures"]
        runs = [(one["fold"], one["seed"]) for one in fitted]
        assert runs == [(fold, seed) for seed in range(2) for fold in range(5)]
        for one in fitted:
            assert one["n"] > 10
            assert (one["temperature"] != 1) == one["fitted"]
            rows = (was.fold == one["fold"]) & (was.seed == one["seed"])
            raised = was.probabilities[rows] ** (1 / one["temperature"])
            raised /= raised.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(now.probabilities[rows], raised, atol=1e-6)
    assert evaluated(memr, small_store, *call, *CALIBRATED)["lexical"]["reused"]


@pytest.mark.parametrize("seeds", [(0,), (0, 1)], ids=["one seed", "ensemble"])
def test_temperatures_come_from_validation_rows_and_models_blind_to_them(
    memr: Run, small_store: Path, seeds: tuple[int, ...]
) -> None:
    """Recomputed from the checkpoints' arrays before the refit; of an ensemble, from the mean."""
    together = ("--seeds", "2", "--ensemble") if len(seeds) > 1 else ()
    result = evaluated(memr, small_store, *asking("lexical"), *CALIBRATED, *together)["lexical"]
    found = result["calibration"]["temperatures"]
    assert [(one["fold"], one["seed"]) for one in found] == [(fold, 0) for fold in range(5)]
    method: Any = named("lexical")
    with Store.open(small_store) as store:
        data = open_dataset(store, MODALITIES)
        fold = folds(ProtocolName.SPEAKER, data.columns)[0]
        rows = restrict(fold, data.present["lexical"], data.columns).validation
        settings = method.settings(Preset.DEFAULT, {})
        said = [
            method.predict(arrays_before_refit(small_store, "lexical", seed), data, settings, rows)
            for seed in seeds
        ]
        true = data.columns.label[rows].astype(np.int64)
    assert found[0]["temperature"] == pytest.approx(fitted_temperature(np.mean(said, 0), true))
    assert found[0]["n"] == len(rows)


def test_a_note_counts_the_temperatures_that_could_not_be_fitted() -> None:
    brier = Measure(mean=0.5, std=0.0, folds=(0.5,), seeds=(0.5,), pooled=0.5)
    temperatures = (
        Temperature(fold=0, seed=0, temperature=1.3, n=40, fitted=True),
        Temperature(fold=1, seed=0, temperature=1.0, n=2, fitted=False),
    )
    found = Calibration(brier=brier, ece=brier, aurc=brier, bins=(), temperatures=temperatures)
    (note,) = calibration_notes(found, 5000)
    assert note.startswith("1 of 2 temperatures are 1, since 2 validation rows")


def test_scores_by_speaker_and_session_add_up(memr: Run, small_store: Path) -> None:
    result = evaluated(memr, small_store, *asking("lexical"), "--seeds", "2")["lexical"]
    found = predictions(small_store, "lexical")
    for groups in (result["by_speaker"], result["by_session"]):
        assert sum(group["n"] for group in groups.values()) == result["n"]
        right = sum(group["n"] * group["f1_micro"] for group in groups.values())
        assert right == pytest.approx((found.true == found.predicted).sum() / 2)
    assert list(result["by_speaker"]) == sorted(set(found.speakers))


def test_hiding_the_only_modality_of_a_store_is_refused(
    memr: Run, edited_store: Callable[..., Path]
) -> None:
    def lexical_alone(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row.update(visual_features="", acoustic_features="")

    asked = ("--method", "context", "--modality-dropout", "0.5")
    ran = memr("evaluate", "--store", edited_store(lexical_alone), *asked)
    assert (ran.code, ran.stdout) == (2, "")
    assert "--modality-dropout has no effect on context" in ran.stderr


def test_a_result_that_cannot_be_made_replaces_nothing_and_no_message_claims_so(
    memr: Run, evaluated_store: Path
) -> None:
    ran = memr("evaluate", "--store", evaluated_store, *BOTH, "--folds", "11")
    assert ran.code == 5
    assert "is replaced" not in ran.stderr
