"""A small corpus, evaluated and ablated once for all tests of ablation."""

import json
import shutil
from pathlib import Path

import pytest
from ablating import QUICK, Results
from typer.testing import CliRunner

from memr_cli.app import app


def _run(*arguments: str) -> str:
    ran = CliRunner().invoke(app, [*arguments, *QUICK])
    assert ran.exit_code == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def made(_ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which early, late and the unimodal methods are evaluated."""
    store = Path(shutil.copy(_ingested, tmp_path_factory.mktemp("ablated") / "memr.h5"))
    _run("evaluate", "--store", str(store))
    return store


@pytest.fixture(scope="session")
def ablated(made: Path) -> Results:
    """Early and late ablated, retrained too, by name."""
    lines = _run("ablate", "early", "late", "--retrain", "--store", str(made)).splitlines()
    return {result["method"]: result for result in map(json.loads, lines)}


@pytest.fixture
def copy(made: Path, ablated: Results, tmp_path: Path) -> Path:
    """The store with all results, in a folder of its own."""
    assert ablated
    return shutil.copytree(made.parent, tmp_path / "copy") / "memr.h5"
