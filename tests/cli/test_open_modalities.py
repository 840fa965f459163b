"""Modalities that memr does not know by name: each `<name>_features` column makes one."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

Run = Any
OTHERS = {"motion": "acoustic", "eda": "lexical"}


@pytest.fixture
def store(small_raw: Path, tmp_path: Path, memr: Run) -> Path:
    """Of acoustic, lexical, motion and eda features; no visual ones."""
    raw = Path(shutil.copytree(small_raw, tmp_path / "raw"))
    with (raw / "dataset.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {f"{new}_features": row[f"{old}_features"] for new, old in OTHERS.items()}
        row["visual_features"] = ""
    with (raw / "dataset.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    path = tmp_path / "memr.h5"
    assert memr("ingest", raw, "--store", path).code == 0
    return path


def test_they_are_unimodal_methods_members_of_fusions_and_axes_of_ablation(
    memr: Run, store: Path
) -> None:
    quick = ("--epochs", "1", "--normalize", "motion=speaker", "--store", store)
    methods = memr("info", "--store", store).lines[0]["methods"]
    assert {"acoustic", "lexical", "motion", "eda", "early"} <= set(methods)
    assert "visual" not in methods
    ran = memr("evaluate", "--method", "motion", "--method", "eda", "--method", "early", *quick)
    assert ran.code == 0, ran.stderr
    motion, eda, early = ran.lines
    assert motion["settings"]["modalities"] == ["motion"]
    assert motion["settings"]["normalize"] == {"motion": "speaker"}
    assert eda["settings"]["modalities"] == ["eda"]
    assert early["settings"]["modalities"] == ["acoustic", "lexical", "eda", "motion"]
    (ablated,) = memr("ablate", "early", *quick).lines
    assert set(ablated["shapley"]["accuracy"]) == {"acoustic", "lexical", "eda", "motion"}
    compared = memr("compare", "motion", "eda", "--store", store)
    assert compared.code == 0, compared.stderr
    reported = memr("report", "--store", store)
    assert reported.code == 0, reported.stderr
    page = Path(reported.lines[0]["files"]["html"]).read_text(encoding="utf-8")
    assert "motion" in page
    assert "eda" in page


def test_every_includes_their_unimodal_methods(memr: Run, store: Path) -> None:
    ran = memr("train", "--method", "every", "--epochs", "1", "--store", store)
    assert ran.code == 0, ran.stderr
    assert [line["method"] for line in ran.lines] == ["acoustic", "lexical", "eda", "motion"]


def test_a_modality_that_the_store_lacks_is_no_method(memr: Run, store: Path) -> None:
    ran = memr("evaluate", "--method", "smell", "--store", store)
    assert ran.code == 2
    assert "there is no method smell" in ran.stderr
    assert "motion" in ran.stderr


@pytest.mark.parametrize("name", ["early", "9lives", "Motion", "a-b"])
def test_a_column_that_cannot_name_a_modality_is_refused(
    memr: Run, small_raw: Path, tmp_path: Path, name: str
) -> None:
    raw = Path(shutil.copytree(small_raw, tmp_path / "raw"))
    listing = raw / "dataset.csv"
    header, *rows = listing.read_text().splitlines()
    lines = [f"{header},{name}_features", *(f"{row}," for row in rows)]
    listing.write_text("\n".join(lines) + "\n")
    ran = memr("ingest", raw, "--store", tmp_path / "other.h5")
    assert (ran.code, ran.stdout) == (3, "")
    assert f"{name}_features" in ran.stderr
    assert "Rename the column" in ran.stderr


def test_names_of_methods_are_kept_from_modalities() -> None:
    from memr_cli.methods.registry import own
    from memr_cli.vocabulary import METHOD_WORDS, MODALITIES, is_modality_name

    legal = {name for name in own() if is_modality_name(name)}
    assert legal == set(MODALITIES)
    assert METHOD_WORDS - {"all", "every"} <= own().keys()
