"""Weights of modalities and test turns that serve as context: what an evaluation tells of them."""

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluated_store import QUICK, Run, asking, evaluated, predictions
from numpy.typing import NDArray

from memr_cli.errors import InputError
from memr_cli.experiment.scoring import modality_weights
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.learning.checkpoints import read
from memr_cli.progress import silent
from memr_cli.results.predictions import KEY_COLUMNS, Predictions
from memr_cli.vocabulary import MODALITIES
from store.reader import Store

CLASSES = ("anger", "sadness", "happiness", "neutral")


def test_weights_stand_in_the_predictions_and_their_means_in_the_object(
    memr: Run, small_store: Path
) -> None:
    """And those of an ensemble are means over its seeds."""
    result = evaluated(memr, small_store, *asking("gated"), "--seeds", "2")["gated"]
    with result_file(small_store, "gated").open() as file:
        header = next(csv.reader(file))
    assert header[len(KEY_COLUMNS) + 4 :] == [f"w_{name}" for name in MODALITIES]
    found = predictions(small_store.parent, "gated")
    assert (found.class_names, found.modalities) == (CLASSES, MODALITIES)
    assert found.weights is not None
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, atol=1e-6)
    with Store.open(small_store) as store:
        place = {name: row for row, name in enumerate(store.utterances.ids)}
        rows = [place[name] for name in found.utterances]
        present = np.stack([store.present(name)[rows] for name in MODALITIES], axis=1)
    assert (found.weights[~present] == 0).all()
    assert (found.weights[present] > 0).all()
    complete = present.all(axis=1)
    told = result["modality_weights"]
    assert told["modalities"] == list(MODALITIES)
    assert told["n"] == complete.sum() < len(complete)
    means = found.weights[complete].mean(axis=0)
    assert [told["mean"][name] for name in MODALITIES] == pytest.approx(means)
    _check_classes(told["by_class"], found, complete)
    evaluated(memr, small_store, *asking("gated"), "--seeds", "2", "--ensemble")
    together = predictions(small_store.parent, "gated")
    assert together.weights is not None
    first, second = found.weights[found.seed == 0], found.weights[found.seed == 1]
    np.testing.assert_allclose(together.weights, (first + second) / 2, atol=1e-8)
    assert np.abs(first - second).max() > 1e-4


def _check_classes(told: dict[str, Any], found: Predictions, complete: NDArray[np.bool_]) -> None:
    assert found.weights is not None
    for code, label in enumerate(CLASSES):
        of_class = found.weights[complete & (found.true == code)]
        entry = told[label]
        assert entry["n"] == len(of_class)
        assert [entry[name] for name in MODALITIES] == pytest.approx(of_class.mean(axis=0))


def result_file(store: Path, method: str) -> Path:
    return store.parent / "predictions" / "speaker" / f"{method}.csv"


def made(weights: np.ndarray | None, modalities: tuple[str, ...]) -> Predictions:
    return Predictions(
        utterances=("a", "b"),
        speakers=("F01", "M01"),
        fold=np.array([0, 1]),
        seed=np.array([0, 0]),
        true=np.array([0, 1]),
        predicted=np.array([1, 1]),
        probabilities=np.array([[0.25, 0.75], [0.5, 0.5]]),
        class_names=("w_calm", "p_tense"),
        modalities=modalities,
        weights=weights,
    )


@pytest.mark.parametrize("weighs", [True, False])
def test_predictions_are_read_as_they_were_written(tmp_path: Path, weighs: bool) -> None:
    weights = np.array([[0.125, 0.875], [1.0, 0.0]]) if weighs else None
    written = made(weights, ("acoustic", "lexical") if weighs else ())
    written.write(tmp_path / "one.csv")
    found = Predictions.read(tmp_path / "one.csv")
    assert (found.class_names, found.modalities) == (written.class_names, written.modalities)
    np.testing.assert_array_equal(found.probabilities, written.probabilities)
    if weights is None:
        assert found.weights is None
    else:
        np.testing.assert_array_equal(found.weights, weights)


def test_a_column_of_neither_classes_nor_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    made(np.ones((2, 2)), ("acoustic", "lexical")).write(path)
    text = path.read_text()
    for wrong in ("w_acoustic,p_lexical", "p_acoustic,lexical"):
        path.write_text(text.replace("w_acoustic,w_lexical", wrong))
        with pytest.raises(InputError, match="its columns are"):
            Predictions.read(path)


def test_weights_are_means_over_utterances_that_have_every_modality() -> None:
    predicted = made(np.array([[0.0, 1.0], [1.0, 0.0]]), ("acoustic", "lexical"))
    found = modality_weights(predicted, np.array([True, False]))
    assert found is not None
    assert found.by_class == {"w_calm": {"n": 1, "acoustic": 0.0, "lexical": 1.0}}


def test_where_no_utterance_has_every_modality_there_are_no_means_and_a_note_says_why(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    raw = Path(shutil.copytree(small_raw, tmp_path / "raw"))
    with (raw / "dataset.csv").open() as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row["visual_features"] = ""
        row["acoustic_features" if number % 2 else "lexical_features"] = ""
    with (raw / "dataset.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    result = evaluated(memr, tmp_path / "memr.h5", *asking("gated"), "--epochs", "1")["gated"]
    assert result["modality_weights"] is None
    missing = "no modality_weights, since no tested utterance has every modality"
    assert missing in result["notes"]


def test_parameters_are_counted_whatever_they_are_called(memr: Run, small_store: Path) -> None:
    results = evaluated(memr, small_store, *asking("gated", "lexical", "late-mean"))
    for name in ("gated", "lexical"):
        arrays = read(Path(results[name]["files"]["checkpoints"][0])).arrays
        selected = [n for n in arrays if n.startswith("selection.")]
        scalers = [n for n in arrays if n.startswith("scaler.")]
        assert len(scalers) == 2
        own = [array.size for n, array in arrays.items() if n not in (*selected, *scalers)]
        assert results[name]["settings"]["n_parameters"] == sum(own) > 100
    members = results["late-mean"]["settings"]["n_parameters"]
    assert members > results["lexical"]["settings"]["n_parameters"]


def test_test_turns_of_trained_dialogues_make_what_reads_dialogues_transductive(
    memr: Run, small_store: Path
) -> None:
    methods = (*QUICK[:1], "1", *asking("context", "lexical"))
    ran = memr("evaluate", "--store", small_store, *methods)
    assert ran.code == 0, ran.stderr
    context, lexical = ran.lines
    leakage = context["leakage"]["dialogues"]
    n_shared = round(leakage["share"] * context["n"])
    assert n_shared > 100
    assert (context["transductive"], lexical["transductive"]) == (True, False)
    assert (leakage["as_context"], lexical["leakage"]["dialogues"]["as_context"]) == (True, False)
    (note,) = (note for note in context["notes"] if "transductive" in note)
    assert note.startswith(f"{n_shared} test utterances lie in dialogues that are trained on")
    assert "the training of context read them as unlabelled context" in ran.stderr
    assert "that is in training too; --protocol session" in ran.stderr  # of the other method


def test_whole_dialogues_held_out_are_no_context_of_training(memr: Run, small_store: Path) -> None:
    call = ("--epochs", "1", "--protocol", "session", "--method", "context")
    for command in ("evaluate", "fuse"):
        ran = memr(command, "--store", small_store, *call)
        assert ran.code == 0, ran.stderr
        assert ran.lines[0]["transductive"] is False
        assert not any("transductive" in note for note in ran.lines[0]["notes"])
