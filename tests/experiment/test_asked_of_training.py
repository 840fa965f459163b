"""Results say what was asked of training, also where it changes nothing about a method."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

Run = Callable[..., Any]
QUICK = ("--epochs", "1", "--quiet")


def test_a_result_made_with_other_options_is_scored_anew_from_the_same_models(
    memr: Run, small_store: Path
) -> None:
    asked = ("evaluate", "--store", small_store, *QUICK)
    models = small_store.parent / "checkpoints" / "speaker" / "lexical"
    (before,) = memr(*asked, "--method", "lexical").lines
    written = {path: path.stat().st_mtime_ns for path in models.rglob("*.safetensors")}
    assert len(written) == 5
    lexical, _ = memr(
        *asked, "--method", "lexical", "--method", "early", "--modality-dropout", "0.3"
    ).lines
    assert (lexical["reused"], lexical["settings"]["overrides"]["modality_dropout"]) == (False, 0.3)
    assert lexical["metrics"] == before["metrics"]
    assert written == {path: path.stat().st_mtime_ns for path in models.rglob("*.safetensors")}


def test_hiding_the_only_modality_is_refused(memr: Run, small_raw: Path, tmp_path: Path) -> None:
    rows = (small_raw / "dataset.csv").read_text().splitlines()
    raw = Path(shutil.copytree(small_raw, tmp_path / "raw"))
    header = rows[0].split(",")
    lost = [header.index(f"{name}_features") for name in ("visual", "acoustic")]
    cells = [row.split(",") for row in rows[1:]]
    kept = [
        ",".join("" if place in lost else cell for place, cell in enumerate(row)) for row in cells
    ]
    (raw / "dataset.csv").write_text("\n".join([rows[0], *kept]) + "\n")
    ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    asked = ("evaluate", "--store", tmp_path / "memr.h5", "--method", "context", *QUICK)
    ran = memr(*asked, "--modality-dropout", "0.5")
    assert ran.code == 2
    assert "--modality-dropout has no effect on context" in ran.stderr
