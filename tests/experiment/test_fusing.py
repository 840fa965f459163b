"""Combinations of probabilities through the command line: what they learn, and from what."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_store import QUICK, Run, asking, by_utterance, evaluated, predictions

import memr_cli.methods.combination as combination
from memr_cli.evaluation.calibration import fitted_temperature
from memr_cli.evaluation.fusion import LEAST_SHARE, pooled
from memr_cli.experiment import predictions as predicting
from memr_cli.experiment import runs
from memr_cli.experiment.experiment import Experiment, Place
from memr_cli.experiment.predictions import unseen_validation_rows
from memr_cli.experiment.settings import ExperimentSettings
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.learning.checkpoints import Checkpoint, read
from memr_cli.methods.registry import named
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES

LEARNING = ("late-weighted", "late-stack")


def test_the_mean_of_probabilities_equals_a_recount_of_the_unimodal_predictions(
    memr: Run, small_store: Path
) -> None:
    results = evaluated(memr, small_store, *asking(*MODALITIES, "late-mean"))
    said = [by_utterance(predictions(small_store.parent, name), 0) for name in MODALITIES]
    found = by_utterance(predictions(small_store.parent, "late-mean"), 0)
    assert found.keys() == set().union(*said)
    heard = {name: [one[name] for one in said if name in one] for name in found}
    assert {len(of_row) for of_row in heard.values()} == {1, 2, 3}  # modalities are missing here
    for name, probabilities in found.items():
        np.testing.assert_allclose(probabilities, np.mean(heard[name], axis=0), rtol=1e-7)
    result = results["late-mean"]
    assert "ties" not in result
    assert "fusion" not in result
    assert result["calibration"]["brier"]["pooled"] > 0
    assert not any("votes" in note for note in result["notes"])


def parameters(result: dict[str, Any], fold: int = 0) -> dict[str, Any]:
    (run,) = (run for run in result["fusion"] if run["fold"] == fold)
    assert run["fitted"]
    found: dict[str, Any] = run["parameters"]
    return found


def test_weights_are_the_likeliest_for_validation_rows_by_models_blind_to_them(
    memr: Run, small_store: Path
) -> None:
    """Recomputed from the checkpoints' arrays before the refit, on a grid."""
    call = (*asking("late-weighted"), "--calibrate", "temperature")
    told = evaluated(memr, small_store, *call)["late-weighted"]
    assert [(run["fold"], run["seed"]) for run in told["fusion"]] == [(k, 0) for k in range(5)]
    with opened(small_store) as experiment:
        (trial,) = runs.trials_of(experiment, [named("late-weighted")])
        data, fold = trial.data, experiment.folds[0]
        rows = fold.validation
        present = np.stack([data.present[name][rows] for name in MODALITIES])
        probabilities = np.zeros((3, len(rows), 4))
        for place, name in enumerate(MODALITIES):
            path = experiment.folder.checkpoint("speaker", name, 0, 0)
            arrays = {
                key.removeprefix("selection."): array
                for key, array in read(path).arrays.items()
                if key.startswith("selection.")
            }
            member = trial.members[place]
            probabilities[place, present[place]] = member.method.predict(
                arrays, data, member.settings, rows[present[place]]
            )
        true = data.columns.label[rows]
    steps = np.linspace(0, 1, 51)
    grid = [np.array([a, b, 1 - a - b]) for a in steps for b in steps if a + b <= 1 + 1e-9]

    def loss(weights: Any) -> float:
        mixed = pooled(probabilities, present, np.maximum(weights, LEAST_SHARE))
        return float(-np.log(mixed[np.arange(len(rows)), true]).mean())

    weights = parameters(told)["weights"]
    assert list(weights) == list(MODALITIES)
    assert told["fusion"][0]["n"] == len(rows)
    found = np.array(list(weights.values()))
    assert loss(found) <= min(map(loss, grid)) + 1e-9
    assert loss(found) < loss(np.full(3, 1 / 3))
    # The temperature is that of what the combination makes of the same rows.
    mixed = pooled(probabilities, present, found)
    expected = fitted_temperature(mixed, true.astype(np.int64))
    assert told["calibration"]["temperatures"][0]["temperature"] == pytest.approx(expected)


def opened(store: Path) -> Experiment:
    place = Place(store, store.parent, print, print, silent)
    return Experiment(place, ExperimentSettings(overrides={"epochs": int(QUICK[1])}))


def test_labels_of_test_speakers_change_nothing_that_is_learned(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    """Garble the labels of the first fold's speakers: what is fitted there must not notice."""
    told = {}
    for name, tested in (("straight", ()), ("garbled", ("F01", "F02"))):
        raw = tmp_path / name
        shutil.copytree(small_raw, raw)
        with (small_raw / "dataset.csv").open() as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if row["speakers"] in tested and row["emotion_labels"]:
                row["emotion_labels"] = str((int(row["emotion_labels"]) + 1) % 4)
        with (raw / "dataset.csv").open("w") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        ingest(raw, raw / "memr.h5", IngestSettings(), silent)
        told[name] = evaluated(memr, raw / "memr.h5", *asking(*LEARNING))
    for method in LEARNING:
        straight, garbled = (told[name][method] for name in ("straight", "garbled"))
        for name, values in parameters(straight).items():
            other = parameters(garbled)[name]
            if name == "classes":
                assert values == other
                continue
            numbers = [list(one.values()) if name == "weights" else one for one in (values, other)]
            # The store orders rows by label too, and a sum in another order rounds otherwise.
            np.testing.assert_allclose(*numbers, atol=2e-3)
        assert straight["metrics"] != garbled["metrics"]


def test_refitted_members_which_saw_the_validation_rows_are_not_what_is_fitted_to(
    memr: Run, small_store: Path
) -> None:
    before = evaluated(memr, small_store, *asking(*LEARNING))
    for path in sorted(small_store.parent.glob("checkpoints/speaker/*/seed0/*.safetensors")):
        checkpoint = read(path)
        arrays = {
            name: array if name.startswith("selection.") else array[::-1].copy()
            for name, array in checkpoint.arrays.items()
        }
        facts = {name: fact for name, fact in checkpoint.facts.items() if name != "arrays"}
        Checkpoint(arrays, facts).write(path)
    after = evaluated(memr, small_store, *asking(*LEARNING))
    for method in LEARNING:
        assert not after[method]["reused"]
        assert after[method]["fusion"] == before[method]["fusion"]
        assert after[method]["calibration"] != before[method]["calibration"]


def test_rows_that_any_member_was_fitted_on_teach_nothing(small_raw: Path, tmp_path: Path) -> None:
    """Where nobody of a validation part has acoustic features, that member has another part."""
    raw = tmp_path / "raw"
    shutil.copytree(small_raw, raw)
    with (raw / "dataset.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["speakers"] not in ("F02", "M01", "M02"):
            row["acoustic_features"] = ""
    with (raw / "dataset.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    ingest(raw, raw / "memr.h5", IngestSettings(), silent)
    with opened(raw / "memr.h5") as experiment:
        (whole,) = runs.trials_of(experiment, [named("late-mean")])
        members: Any = [named(name) for name in ("acoustic", "lexical")]
        trial = whole.with_members(members)
        drawn_anew = 0
        for fold, blind in enumerate(unseen_validation_rows(trial)):
            acoustic, lexical = (member.folds[fold] for member in trial.members)
            drawn_anew += bool(np.setdiff1d(acoustic.validation, lexical.validation).size)
            assert not np.intersect1d(blind, acoustic.fit).size
            assert not np.intersect1d(blind, lexical.fit).size
            assert set(blind) <= set(acoustic.validation) | set(lexical.validation)
            assert not np.intersect1d(blind, experiment.folds[fold].test).size
        assert drawn_anew


def test_few_validation_rows_make_members_count_alike_and_a_note_says_so(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (combination, predicting):
        monkeypatch.setattr(module, "FEWEST_ROWS", 1000)
    results = evaluated(memr, small_store, *asking("late-mean", *LEARNING))
    for method in LEARNING:
        result = results[method]
        assert result["metrics"] == results["late-mean"]["metrics"]
        assert [run["fitted"] for run in result["fusion"]] == [False] * 5
        assert [run["parameters"] for run in result["fusion"]] == [{}] * 5
        (note,) = (note for note in result["notes"] if "learned nothing" in note)
        assert note.startswith("5 of 5 fits learned nothing")
        assert f"too few (under {predicting.FEWEST_ROWS}) or of one class" in note


def test_what_learns_needs_validation_rows_and_what_does_not_needs_none(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {"every": ("late", "late-mean", *LEARNING)}
    monkeypatch.setattr(runs, "collective_names", lambda *_: some)
    original = ("--store", small_store, "--epochs", "1", "--preset", "original")
    for method in LEARNING:
        for command in ("evaluate", "fuse"):
            ran = memr(command, *original, "--method", method)
            assert (ran.code, ran.stdout) == (5, "")
            assert f"method {method} is fitted on validation rows" in ran.stderr
            assert not list(small_store.parent.glob("checkpoints/**/*.safetensors"))
    ran = memr("evaluate", *original, "--method", "every")
    assert ran.code == 0, ran.stderr
    assert [line["method"] for line in ran.lines] == ["late", "late-mean"]
    for method in LEARNING:
        assert f"{method} is skipped: method {method} is fitted on validation rows" in ran.stderr


def test_probabilities_of_combinations_are_calibrated_and_decisions_stay(
    memr: Run, small_store: Path
) -> None:
    methods = asking("late-mean", "late-stack", "late")
    plain = evaluated(memr, small_store, *methods)
    before = {name: predictions(small_store.parent, name) for name in ("late-mean", "late-stack")}
    calibrated = evaluated(memr, small_store, *methods, "--calibrate", "temperature")
    for name, was in before.items():
        now = predictions(small_store.parent, name)
        np.testing.assert_array_equal(was.predicted, now.predicted)
        temperatures = calibrated[name]["calibration"]["temperatures"]
        assert [one["n"] > 10 for one in temperatures] == [True] * 5
        for one in temperatures:
            rows = was.fold == one["fold"]
            raised = was.probabilities[rows] ** (1 / one["temperature"])
            raised /= raised.sum(axis=1, keepdims=True)
            np.testing.assert_allclose(now.probabilities[rows], raised, atol=1e-6)
        assert calibrated[name]["metrics"] == plain[name]["metrics"]
        assert calibrated[name].get("fusion") == plain[name].get("fusion")
    assert calibrated["late"]["reused"]


def test_an_ablation_decides_by_what_was_learned(memr: Run, small_store: Path) -> None:
    found = evaluated(memr, small_store, *asking("late-mean", "late-stack"))
    ran = memr("ablate", "late-stack", "--store", small_store, *QUICK)
    assert ran.code == 0, ran.stderr
    whole = ran.lines[0]["subsets"][-1]
    assert whole["modalities"] == list(MODALITIES)
    accuracy = {name: result["metrics"]["accuracy"]["mean"] for name, result in found.items()}
    assert whole["metrics"]["accuracy"]["mean"] == accuracy["late-stack"] != accuracy["late-mean"]
