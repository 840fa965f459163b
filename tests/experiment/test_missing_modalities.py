"""Modalities that are missing for whole speakers, folds and parts of folds."""

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

Run = Callable[..., Any]
QUICK = ("--epochs", "4")
LacksAcoustic = Callable[[Sequence[str]], Path]


@pytest.fixture
def lacking(small_raw: Path, tmp_path: Path) -> LacksAcoustic:
    """A store of the small corpus in which some speakers have no acoustic features."""

    def make(speakers: Sequence[str]) -> Path:
        raw = tmp_path / "raw"
        shutil.copytree(small_raw, raw)
        with (raw / "dataset.csv").open() as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if row["speakers"] in speakers:
                row["acoustic_features"] = ""
        with (raw / "dataset.csv").open("w") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        store = tmp_path / "memr.h5"
        ingest(raw, store, IngestSettings(), silent)
        return store

    return make


def test_a_modality_missing_for_a_whole_test_fold_is_skipped_and_the_others_go_on(
    memr: Run, lacking: LacksAcoustic
) -> None:
    store = lacking(["F01", "F02"])  # the first of the usual folds
    ran = memr("evaluate", "--store", store, *QUICK)
    assert ran.code == 0, ran.stderr
    assert [result["method"] for result in ran.lines] == ["visual", "lexical", "early", "late"]
    assert (
        "acoustic is skipped: method acoustic can score no test utterance of fold 0" in ran.stderr
    )
    asked = memr("evaluate", "--store", store, "--method", "acoustic", *QUICK)
    assert (asked.code, asked.stdout) == (5, "")
    assert "fold 0" in asked.stderr


def test_where_validation_lacks_the_modality_it_is_drawn_from_those_that_have_it(
    memr: Run, lacking: LacksAcoustic
) -> None:
    everyone = ["F01", "F02", "F03", "F04", "F05", "M01", "M02", "M03", "M04", "M05"]
    held_out = {"F01", "M01"}
    store = lacking([name for name in everyone if name not in held_out | {"F02", "M02", "F03"}])
    ran = memr("evaluate", "--store", store, "--method", "acoustic", "--folds", "2", *QUICK)
    assert ran.code == 0, ran.stderr
    for fold in ran.lines[0]["protocol"]["folds"]:
        assert fold["n_validation"] > 0
        assert fold["n_train"] > fold["n_validation"]


def test_a_modality_that_training_never_saw_decides_nothing(
    memr: Run, lacking: LacksAcoustic, tmp_path: Path
) -> None:
    """Only F01 and F02, who are tested, have acoustic features: of whatever size they are."""
    told = []
    store = lacking(["F03", "F04", "F05", "M01", "M02", "M03", "M04", "M05"])
    for out, factor in (("as-is", 1.0), ("larger", 1000.0)):
        for path in (tmp_path / "raw" / "features" / "acoustic_features").rglob("*.npy"):
            np.save(path, (np.load(path).astype(np.float32) * factor))
        ingest(tmp_path / "raw", store, IngestSettings(overwrite=True), silent)
        ran = memr(
            "evaluate", "--store", store, "--method", "early", "--out", tmp_path / out, *QUICK
        )
        assert ran.code == 0, ran.stderr
        csv_path = tmp_path / out / "predictions" / "speaker" / "early.csv"
        rows = csv_path.read_text().splitlines()
        told.append([row for row in rows if row.split(",")[2] == "0"])
    assert told[0] == told[1]
    assert len(told[0]) > 20


@pytest.mark.parametrize(
    ("alias", "modality"), [("video", "visual"), ("audio", "acoustic"), ("text", "lexical")]
)
def test_modalities_may_be_called_by_their_other_words(
    memr: Run, small_raw: Path, tmp_path: Path, alias: str, modality: str
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(small_raw, raw)
    listing = raw / "dataset.csv"
    listing.write_text(
        listing.read_text().replace(f"{modality}_features,", f"{alias}_features,", 1)
    )
    assert memr("ingest", raw, "--store", tmp_path / "memr.h5").code == 0
    ran = memr("train", "--store", tmp_path / "memr.h5", "--method", alias, *QUICK)
    assert [result["method"] for result in ran.lines] == [modality]
