"""Modalities that are missing for whole speakers, folds and parts of folds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluating import QUICK, Run, asking, evaluated, without

from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

Edited = Callable[..., Path]


def test_a_modality_missing_for_a_whole_test_fold_is_skipped_and_the_others_go_on(
    memr: Run, edited_store: Edited
) -> None:
    store = edited_store(without("acoustic", "F01", "F02"))  # the first of the usual folds
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
    memr: Run, edited_store: Edited
) -> None:
    store = edited_store(without("acoustic", but=("F01", "M01", "F02", "M02", "F03")))
    result = evaluated(memr, store, *asking("acoustic"), "--folds", "2")["acoustic"]
    for fold in result["protocol"]["folds"]:
        assert fold["n_validation"] > 0
        assert fold["n_train"] > fold["n_validation"]


def test_a_modality_that_training_never_saw_decides_nothing(
    memr: Run, edited_store: Edited
) -> None:
    """Only F01 and F02, who are tested, have acoustic features: of whatever size they are."""
    found = []
    store = edited_store(without("acoustic", but=("F01", "F02")))
    raw = store.parent / "raw"
    for factor in (1.0, 1000.0):
        for path in (raw / "features" / "acoustic_features").rglob("*.npy"):
            np.save(path, (np.load(path).astype(np.float32) * factor))
        ingest(raw, store, IngestSettings(overwrite=True), silent)
        result = evaluated(memr, store, *asking("early"))["early"]
        rows = Path(result["files"]["predictions"]).read_text().splitlines()
        found.append([row for row in rows if row.split(",")[2] == "0"])
    assert found[0] == found[1]
    assert len(found[0]) > 20


@pytest.mark.parametrize(
    ("alias", "modality"), [("video", "visual"), ("audio", "acoustic"), ("text", "lexical")]
)
def test_modalities_may_be_called_by_their_other_words(
    memr: Run, edited_store: Edited, alias: str, modality: str
) -> None:
    def renamed(rows: list[dict[str, str]]) -> None:
        for row in rows:
            row[f"{alias}_features"] = row.pop(f"{modality}_features")

    store = edited_store(renamed)
    assert list(evaluated(memr, store, *asking(alias), command="train")) == [modality]
