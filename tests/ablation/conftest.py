"""A small corpus, evaluated and ablated once for all tests of ablation."""

import json
import shutil
from pathlib import Path

import pytest
from ablated_corpus import QUICK, Results
from typer.testing import CliRunner

from memr_cli.app import app


@pytest.fixture(scope="session")
def made(_ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which early, late and the unimodal methods are evaluated."""
    store = tmp_path_factory.mktemp("ablated") / "memr.h5"
    shutil.copy(_ingested, store)
    ran = CliRunner().invoke(app, ["evaluate", "--store", str(store), *QUICK])
    assert ran.exit_code == 0, ran.stderr
    return store


@pytest.fixture(scope="session")
def ablated(made: Path) -> Results:
    """Early and late ablated, retrained too, by name."""
    arguments = ["ablate", "early", "late", "--retrain", "--store", str(made), *QUICK]
    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code == 0, ran.stderr
    return {result["method"]: result for result in map(json.loads, ran.stdout.splitlines())}
