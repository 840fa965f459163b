"""Files written by each release keep opening, or are refused with advice."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from make import sums

from memr_cli.learning.checkpoints import read
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import no_longer_scored
from memr_cli.results.predictions import Predictions
from memr_cli.results.saved import load

HERE = Path(__file__).parent
RELEASES = sorted(path.parent for path in HERE.glob("*/expected.json"))


def expected(release: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((release / "expected.json").read_text("utf-8"))
    return content


STORES = [
    (release / name, told) for release in RELEASES for name, told in expected(release).items()
]
stores = pytest.mark.parametrize(
    ("store", "told"), STORES, ids=[f"{path.parent.name}-{path.stem}" for path, _ in STORES]
)


def test_there_are_archives_with_and_without_sequences() -> None:
    assert {told["info"]["sequences"] for _, told in STORES} == {True, False}


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_an_archive_is_as_it_was_written(release: Path) -> None:
    assert (release / "SHA256SUMS").read_text("ascii").splitlines() == sums(release)


@stores
def test_an_archived_store_is_valid_and_holds_what_it_held(
    memr: Callable[..., Any], store: Path, told: dict[str, Any]
) -> None:
    checked = memr("check", "--store", store)
    assert checked.code == 0, checked.stdout
    shown = memr("info", "--store", store).lines[0]
    assert {name: shown[name] for name in told["info"]} == told["info"]


@stores
def test_archived_checkpoints_read(store: Path, told: dict[str, Any]) -> None:
    folder = store.with_suffix("")
    assert told["checkpoints"]
    for name, digest in told["checkpoints"].items():
        checkpoint = read(folder / name)  # which compares the arrays with their digest
        assert checkpoint.facts["arrays"] == digest
        assert all(np.isfinite(array).all() for array in checkpoint.arrays.values())


@stores
def test_archived_results_read_and_say_what_they_said(store: Path, told: dict[str, Any]) -> None:
    folder = ResultFolder(store.with_suffix(""))
    assert told["results"]
    for method, said in told["results"].items():
        metrics = load(folder.metrics("speaker", method), Evaluation)
        assert metrics.fingerprint == told["info"]["fingerprint"]
        assert no_longer_scored(folder, "speaker", method, metrics.hashes) is None
        predictions = Predictions.read(folder.predictions("speaker", method))
        assert len(predictions.utterances) == metrics.n == said["n"]
        accuracy = float((predictions.true == predictions.predicted).mean())
        assert accuracy == pytest.approx(said["accuracy"])


@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)
def test_archived_results_compare(memr: Callable[..., Any], tmp_path: Path, release: Path) -> None:
    out = shutil.copytree(release / "pooled", tmp_path / "pooled")
    compared = memr("compare", "lexical", "late", "--store", release / "pooled.h5", "--out", out)
    assert compared.code == 0, compared.stderr


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (1, "was written by an earlier development build of memr. Make it again with"),
        (3, "has format version 3; this memr reads up to 2. Upgrade memr"),
    ],
)
def test_another_format_version_is_refused_with_advice(
    memr: Callable[..., Any], tmp_path: Path, version: int, message: str
) -> None:
    path = Path(shutil.copy(RELEASES[0] / "pooled.h5", tmp_path / "memr.h5"))
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = version
    for command in (["info"], ["check"], ["evaluate", "--method", "lexical"]):
        refused = memr(*command, "--store", path)
        assert refused.code == 4
        assert f"{path} {message}" in refused.stderr
        assert f"`memr ingest RAW --store {path} --overwrite`" in refused.stderr


def test_the_advice_for_a_store_of_an_earlier_development_build_works(
    memr: Callable[..., Any], small_raw: Path, tmp_path: Path
) -> None:
    """Its texts had variable length, so it is recognised without reading them."""
    path = tmp_path / "memr.h5"
    assert memr("ingest", small_raw, "--store", path).code == 0
    with h5py.File(path, "r+") as file:
        for name in ("format", "fingerprint", "provenance_sha256"):
            file.attrs[name] = file.attrs[name].decode()
        file.attrs["class_names"] = list(file["names/class"].asstr()[:])
        file.attrs["format_version"] = 1
        del file["names/class"]
    assert memr("ingest", small_raw, "--store", path).code == 4
    assert memr("ingest", small_raw, "--store", path, "--overwrite").code == 0
    assert memr("check", "--store", path).code == 0
