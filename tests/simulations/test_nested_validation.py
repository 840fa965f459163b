"""What settings are judged by never holds a test part."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nested_validation import candidates, training_parts

from memr_cli.data.dataset import held_modalities, open_dataset
from memr_cli.evaluation.protocols import folds
from memr_cli.vocabulary import ProtocolName
from store.reader import Store


def test_training_parts_hold_no_tested_session(small_store: Path) -> None:
    with Store.open(small_store) as store:
        data = open_dataset(store, held_modalities(store))
        tested = [
            {data.columns.session[row] for row in fold.test.tolist()}
            for fold in folds(ProtocolName.SESSION, data.columns)
        ]
        for part, sessions in zip(training_parts(data, ProtocolName.SESSION), tested, strict=True):
            assert not sessions & set(part.columns.session.tolist())
            assert len(set(part.columns.session.tolist())) == 4
            assert (part.columns.label < 0).any(), "turns without a label stay as context"


def test_every_combination_of_values_is_tried() -> None:
    found = list(candidates(["hidden=8,16", "dropout=0.5", "class_weights=balanced"]))
    assert [one["hidden"] for one in found] == [8, 16]
    assert all(one["dropout"] == 0.5 and one["class_weights"] == "balanced" for one in found)


def test_the_program_judges_each(small_store: Path) -> None:
    program = Path(__file__).with_name("nested_validation.py")
    asked = ["--set", "epochs=1,2", "--set", "hidden=8", "--seeds", "1"]
    ran = subprocess.run(
        [sys.executable, program, small_store, "early", *asked],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["epochs"] for line in lines] == [1, 2]
    for line in lines:
        assert np.mean(line["parts"]) == pytest.approx(line["accuracy"], abs=2e-4)
    assert all(line["runs"] == 5 * 4 and 0 < line["accuracy"] < 1 for line in lines)
    assert np.ptp([line["epoch"] for line in lines]) <= 1
