"""Methods that read whole dialogues, through the command line."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memr_cli.corpora.synthetic.settings import Planted, SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.data.dataset import held_modalities, open_dataset
from memr_cli.evaluation.protocols import folds
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.methods.method import FoldTask, TrainedMethod
from memr_cli.methods.registry import named
from memr_cli.progress import silent
from memr_cli.results.predictions import Predictions
from memr_cli.vocabulary import Preset, ProtocolName
from store.reader import Store

Run = Callable[..., Any]
QUICK = ("--hidden", "16", "--epochs", "2", "--quiet")
ONCE = ("--hidden", "16", "--epochs", "1", "--quiet")


def store_of(raw: Path, folder: Path, change: Callable[[dict[str, str]], bool]) -> Path:
    """A store of the corpus with each row of its listing changed, or left out for False."""
    shutil.copytree(raw, folder)
    with (raw / "dataset.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if change(row)]
    with (folder / "dataset.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    ingest(folder, folder / "memr.h5", IngestSettings(), silent)
    return folder / "memr.h5"


def told(store: Path, protocol: str, fold: int) -> dict[str, list[float]]:
    """The probabilities of each utterance that a fold of `context` tested."""
    found = Predictions.read(store.parent / "predictions" / protocol / "context.csv")
    return {
        utterance: found.probabilities[place].tolist()
        for place, utterance in enumerate(found.utterances)
        if found.fold[place] == fold
    }


def test_labels_of_test_turns_read_as_context_change_nothing(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    """In speaker folds training reads the tested turns; what their labels say it must not."""

    def garbled(row: dict[str, str]) -> bool:
        if row["speakers"] in ("F01", "F02") and row["emotion_labels"]:
            row["emotion_labels"] = str((int(row["emotion_labels"]) + 1) % 4)
        return True

    straight = store_of(small_raw, tmp_path / "straight", lambda _: True)
    other = store_of(small_raw, tmp_path / "garbled", garbled)
    for store in (straight, other):
        (result,) = memr("evaluate", "--store", store, "--method", "context", *QUICK).lines
        assert result["transductive"] is True
        assert any("reads them there as context" in note for note in result["notes"])
    before, after = told(straight, "speaker", 0), told(other, "speaker", 0)
    assert before.keys() == after.keys()
    assert len(before) > 20
    for utterance, probabilities in before.items():
        assert after[utterance] == pytest.approx(probabilities, rel=1e-3)


def test_unlabelled_turns_are_context_and_never_scored(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    whole = store_of(small_raw, tmp_path / "whole", lambda _: True)
    alone = store_of(small_raw, tmp_path / "alone", lambda row: bool(row["emotion_labels"]))
    for store in (whole, alone):
        ran = memr(
            *("evaluate", "--store", store, "--method", "context", "--protocol", "session"), *QUICK
        )
        assert ran.lines[0]["transductive"] is False
    before, after = told(whole, "session", 0), told(alone, "session", 0)
    assert before.keys() == after.keys()
    assert before != after


def test_dialogues_without_turns_are_read_in_the_listings_order_and_that_is_said(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    def forgotten(row: dict[str, str]) -> bool:
        row["turn"] = ""
        return True

    known = store_of(small_raw, tmp_path / "known", lambda _: True)
    unknown = store_of(small_raw, tmp_path / "unknown", forgotten)
    for store in (known, unknown):
        ran = memr(
            *("evaluate", "--store", store, "--method", "context", "--protocol", "session"), *ONCE
        )
        (result,) = ran.lines
        said = any("in the order of the listing" in note for note in result["notes"])
        assert said == (store == unknown)
    # The synthetic listing is in order.
    assert told(known, "session", 1) == told(unknown, "session", 1)


def test_a_mean_over_all_turns_of_a_speaker_is_told_to_know_later_ones(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    store = store_of(small_raw, tmp_path / "store", lambda _: True)
    for method, said in (("context-causal", True), ("lexical", False)):
        (result,) = memr(
            *("evaluate", "--store", store, "--method", method, "--protocol", "session"),
            *("--normalize", "speaker", *ONCE),
        ).lines
        assert result["transductive"] is True
        assert any("decided by earlier ones alone" in note for note in result["notes"]) == said


def test_a_store_without_dialogues_is_told_what_it_lacks(
    memr: Run, small_raw: Path, tmp_path: Path
) -> None:
    def renamed(row: dict[str, str]) -> bool:
        """Ids that tell no dialogue, and none in the column."""
        row["file_name_list"] = row["file_name_list"].replace("Ses", "utt")
        row["dialogue"] = ""
        return True

    store = store_of(small_raw, tmp_path / "alone", renamed)
    ran = memr("evaluate", "--store", store, "--method", "context-causal")
    assert ran.code == 5
    assert "works on dialogues, and the store tells none. Fill the column" in ran.stderr


@pytest.mark.parametrize("signal", [Planted.DIALOGUE, Planted.NONE])
def test_signal_in_the_dialogue_is_found_by_context_alone(tmp_path: Path, signal: Planted) -> None:
    settings = SyntheticSettings(
        utterances=900,
        frames=1,
        visual_dim=6,
        acoustic_dim=6,
        lexical_dim=6,
        missing=0.02,
        signal=signal,
    )
    write_corpus(tmp_path / "raw", settings, silent)
    ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    right = {}
    with Store.open(tmp_path / "memr.h5") as store:
        data = open_dataset(store, held_modalities(store))
        fold = folds(ProtocolName.SESSION, data.columns)[0]
        for name in ("gated", "context-causal", "context"):
            method = named(name)
            assert isinstance(method, TrainedMethod)
            training = method.settings(Preset.DEFAULT, {"hidden": 16, "epochs": 30, "patience": 5})
            ((_, model),) = method.fit(data, [FoldTask(fold, 0)], training, "cpu", silent)
            predicted = method.predict(model.arrays, data, training, fold.test).argmax(axis=1)
            right[name] = (predicted == data.columns.label[fold.test]).mean()
    if signal is Planted.NONE:
        assert max(right.values()) < 0.38
    else:
        assert right["gated"] + 0.08 < right["context-causal"]
        assert right["gated"] + 0.12 < right["context"]
