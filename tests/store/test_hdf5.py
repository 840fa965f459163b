"""Any HDF5 file is sorted into plain and other members without reading a value."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from store import hdf5
from store.hdf5 import Foreign, examine_attributes, examine_members, read_attribute
from store.rules import Rule


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "any.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = np.arange(6).reshape(2, 3)
        file["deep/er/flags"] = [True, False]
        file.create_dataset("chunked", data=np.zeros(9), chunks=(3,))
        file.create_dataset("zipped", data=np.zeros(9), compression="gzip")
        file["words"] = ["variable", "length"]
        file["pairs"] = np.zeros(2, [("a", "i4"), ("b", "f4")])
        file["kind"] = np.dtype("f4")
        file["soft"] = h5py.SoftLink("/numbers")
        file["outside"] = h5py.ExternalLink("/etc/passwd", "/")
        file["deep/again"] = file["deep"]
        file.create_dataset("unwritten", (5,), "f4")
        file.attrs["words"] = "variable length"
        file["numbers"].attrs["unit"] = np.bytes_(b"mm")
        file["numbers"].attrs["list"] = [1, 2]
    return path


def test_members_are_plain_or_reported(path: Path) -> None:
    with h5py.File(path) as file:
        found = examine_members(file)
    assert set(found.groups) == {"deep", "deep/er"}
    assert set(found.datasets) == {"numbers", "deep/er/flags", "chunked"}
    reported = {violation.where: violation.rule for violation in found.violations}
    assert reported == {
        "zipped": Rule.DATASET_PLAIN,
        "words": Rule.DATASET_TYPE,
        "pairs": Rule.DATASET_TYPE,
        "kind": Rule.MEMBER_UNKNOWN,
        "soft": Rule.LINK_HARD,
        "outside": Rule.LINK_HARD,
        "deep/again": Rule.LINK_HARD,
        "unwritten": Rule.DATASET_STORED,
    }
    assert found.refused == reported.keys()


def test_attributes_are_plain_or_reported(path: Path) -> None:
    with h5py.File(path) as file:
        found = examine_members(file)
        before = len(found.violations)
        examine_attributes(file, found)
        reported = {violation.where: violation.found for violation in found.violations[before:]}
        assert reported == {
            "attribute words": "variable-length text",
            "numbers attribute list": "several values",
        }
        assert read_attribute(file, "words") == Foreign("variable-length text")
        assert read_attribute(file["numbers"], "list") == Foreign("several values")
        assert read_attribute(file["numbers"], "unit") == "mm"
        assert read_attribute(file["numbers"], "none") is None


def test_a_file_of_very_many_members_is_not_walked_to_its_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hdf5, "MAX_OBJECTS", 3)
    with h5py.File(path) as file:
        found = examine_members(file)
    assert len(found.groups) + len(found.datasets) <= 3
    assert found.violations[-1].expected == "at most 3 groups and datasets"
