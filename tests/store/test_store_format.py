import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from store_samples import write_store

from store import schema
from store.rules import Rule
from store.schema import FIELDS, FORMAT_VERSION, MODALITY_FIELDS, SEQUENCE_FIELDS
from store.utterances import Utterances
from store.writer import StoreWriter

SPECIFICATION = (Path(schema.__file__).parent / "FORMAT.md").read_text("utf-8")


def test_the_rules_of_the_text_are_those_that_the_check_reports() -> None:
    stated = re.findall(r"^- `([a-z-]+)`: ", SPECIFICATION, flags=re.MULTILINE)
    assert sorted(stated) == sorted(Rule)


def test_the_text_is_about_the_version_that_is_written() -> None:
    assert SPECIFICATION.startswith(f"# The memr store, format version {FORMAT_VERSION}\n")
    assert f'"format_version": {FORMAT_VERSION}' in SPECIFICATION


def test_the_layout_of_the_text_is_that_of_the_schema() -> None:
    layout = SPECIFICATION.split("```")[1]
    stated = re.findall(r"─ (\w+) +(\([^)]*\)) +(\w+)", layout)
    fields = (*FIELDS, *MODALITY_FIELDS, *SEQUENCE_FIELDS)
    expected = [
        (
            field.path.rpartition("/")[2],
            "(" + ", ".join(map(str, field.shape)) + ("," if len(field.shape) == 1 else "") + ")",
            field.kind,
        )
        for field in fields
    ]
    assert sorted(stated) == sorted(expected)


def test_the_example_runs_with_nothing_but_h5py(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [0, 1, 0, None]
    rows = Utterances.arrange(
        ids=["a", "b", "c", "d"],
        speakers=["F02", "F01", "F01", "F01"],
        labels=labels,
        sessions=[None] * 4,
        dialogues=[None] * 4,
        turns=[None] * 4,
        splits=[None] * 4,
    )
    monkeypatch.chdir(tmp_path)
    with StoreWriter(
        Path("memr.h5"), rows, ["anger", "joy"], provenance={}, synthetic=True
    ) as writer:
        writer.add_modality("lexical", 2)
        for row in range(4):
            writer.append("lexical", None if row == 1 else np.full(2, row), int(row != 1))
        writer.finish()
    code = SPECIFICATION.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    assert names["ids"].tolist() == ["d", "c", "b", "a"]  # type: ignore[attr-defined]
    assert names["features"].tolist() == [[0, 0], [2, 2]]  # type: ignore[attr-defined]
    assert names["anger"] == [range(1, 2), range(3, 4)]


def test_a_store_needs_no_newer_hdf5_than_1_10(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5", sequences=True)
    with h5py.File(tmp_path / "memr.h5", libver=("earliest", "v110")) as file:
        assert file["utterances/id"].shape == (12,)
