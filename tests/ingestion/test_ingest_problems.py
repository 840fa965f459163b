import io
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingested import ingest
from raw_folders import npy, row, write_raw

from memr_cli.errors import InputError
from memr_cli.ingestion import IngestSettings, OnProblem
from memr_cli.progress import silent
from store.check import check
from store.reader import Store

GOOD = npy(np.arange(12, dtype=np.float32).reshape(3, 4))
NAMED_PROBLEMS: dict[str, tuple[bytes | None, str]] = {
    "missing-file": (None, "does not exist"),
    "not-npy": (b"RIFF....WAVE", "is not an .npy file"),
    "truncated": (GOOD[:-5], "is cut off"),
    "pickled": (npy(np.array([{}], dtype=object), allow_pickle=True), "Python objects"),
    "wrong-axes": (npy(np.ones((2, 3, 4), np.float32)), r"3 axes, shape \(2, 3, 4\)"),
    "unsupported-dtype": (npy(np.ones((3, 4), np.int16)), "holds int16"),
    "different-dims": (
        npy(np.ones((7, 5), np.float32)),
        r"has shape \(7, 5\).* 4 dims, as .*/good.*\.npy with shape \(3, 4\)",
    ),
    "not-finite": (npy(np.array([[1, 2, np.nan, 4]], np.float32)), "nan at frame 0, dim 2"),
    "empty": (npy(np.ones((0, 4), np.float32)), r"empty array of shape \(0, 4\)"),
    "trailing-data": (GOOD + b"more", "goes on for 4 bytes"),
}


def raw_with(raw: Path, content: bytes | None, *, zipped: bool = False, bad: str = "") -> Path:
    """Four good files and, third in the listing, a bad one."""
    bad = bad or "/features/bad.npy"
    files = {f"features/good{i}.npy": GOOD for i in range(4)}
    rows = [row(f"good{i}", acoustic=f"/features/good{i}.npy") for i in range(4)]
    rows.insert(2, row("odd", acoustic=bad))
    if content is not None:
        files[bad.lstrip("/")] = content
    return write_raw(raw, rows, files, zipped=zipped)


def problem_of(raw: Path, store: Path) -> dict[str, Any]:
    """The one problem of the corpus; the other utterances are there whole."""
    result = ingest(raw, store, IngestSettings(), silent)
    (problem,) = result["problems"]
    assert (problem["utterance"], problem["modality"]) == ("odd", "acoustic")
    assert result["utterances"] == 5
    assert result["modalities"]["acoustic"]["present"] == 4
    assert result["modalities"]["acoustic"]["dim"] == 4
    assert check(store) == []
    with Store.open(store) as held:
        assert held.utterances.ids[2] == "odd"
        assert list(held.present("acoustic")) == [True, True, False, True, True]
        assert np.isnan(held.pooled("acoustic")[2]).all()
    return problem


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("code", NAMED_PROBLEMS)
def test_each_problem_has_its_own_code_and_message(tmp_path: Path, code: str, zipped: bool) -> None:
    content, message = NAMED_PROBLEMS[code]
    raw = raw_with(tmp_path / "raw", content, zipped=zipped)
    problem = problem_of(raw, tmp_path / "memr.h5")
    assert problem["code"] == code
    assert problem["path"] == "/features/bad.npy"
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(problem["reason"])


@pytest.mark.parametrize("zipped", [False, True])
def test_a_path_that_leaves_raw_is_not_followed(tmp_path: Path, zipped: bool) -> None:
    (tmp_path / "secret.npy").write_bytes(GOOD)
    raw = raw_with(tmp_path / "raw", None, zipped=zipped, bad="/features/../../secret.npy")
    problem = problem_of(raw, tmp_path / "memr.h5")
    assert problem["code"] == "outside-raw"
    assert "leads outside" in problem["reason"]


def test_a_link_that_leaves_raw_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.npy").write_bytes(GOOD)
    raw = raw_with(tmp_path / "raw", None)
    (raw / "features" / "bad.npy").symlink_to(tmp_path / "secret.npy")
    assert problem_of(raw, tmp_path / "memr.h5")["code"] == "outside-raw"


def test_a_file_that_is_not_one_is_named(tmp_path: Path) -> None:
    raw = raw_with(tmp_path / "raw", None)
    (raw / "features" / "bad.npy").mkdir()
    assert problem_of(raw, tmp_path / "memr.h5")["code"] == "not-a-file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    raw = raw_with(tmp_path / "raw", GOOD)
    (raw / "features" / "bad.npy").chmod(0)
    assert problem_of(raw, tmp_path / "memr.h5")["code"] == "unreadable"


def test_a_damaged_zip_member_is_named(tmp_path: Path) -> None:
    raw = raw_with(tmp_path / "raw", None, zipped=True)
    marker = npy(np.full((3, 4), 7, np.float32))
    with zipfile.ZipFile(raw / "features.zip", "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("features/bad.npy", marker)
    content = (raw / "features.zip").read_bytes()
    body = np.full(4, 7, np.float32).tobytes()
    (raw / "features.zip").write_bytes(content.replace(body, bytes(16), 1))
    assert problem_of(raw, tmp_path / "memr.h5")["code"] == "damaged-member"


@pytest.mark.parametrize("sequences", [False, True])
def test_values_beyond_float32_are_not_finite(tmp_path: Path, sequences: bool) -> None:
    # Their mean is 0; as a sequence they could not be stored.
    wide = npy(np.array([[1e300] * 4, [-1e300] * 4]))
    raw = raw_with(tmp_path / "raw", wide)
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(sequences=sequences), silent)
    assert [p["code"] for p in result["problems"]] == (["not-finite"] if sequences else [])


def test_pooled_values_beyond_float32_are_not_finite(tmp_path: Path) -> None:
    raw = raw_with(tmp_path / "raw", npy(np.full((2, 4), 1e300)))
    problem = problem_of(raw, tmp_path / "memr.h5")
    assert problem["code"] == "not-finite"
    assert "beyond the range of float32" in problem["reason"]


def odd_one_first(raw: Path, odd: int) -> Path:
    """Five files of 4 dims, of which the first `odd` by row have 6."""
    files = {
        f"features/{i}.npy": npy(np.ones((2, 6 if i < odd else 4), np.float32)) for i in range(5)
    }
    rows = [row(f"u{i}", visual=f"/features/{i}.npy", lexical="/features/4.npy") for i in range(5)]
    return write_raw(raw, rows, files)


def test_the_dims_are_those_of_most_files_even_where_the_first_is_odd(tmp_path: Path) -> None:
    raw = odd_one_first(tmp_path / "raw", 2)
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    assert result["modalities"]["visual"]["dim"] == 4
    assert [problem["utterance"] for problem in result["problems"]] == ["u0", "u1"]
    assert {problem["code"] for problem in result["problems"]} == {"different-dims"}
    assert "as /features/2.npy with shape (2, 4)" in result["problems"][0]["reason"]
    assert result["modalities"]["lexical"]["present"] == 5
    assert check(tmp_path / "memr.h5") == []


def test_of_dims_that_are_equally_common_the_first_row_has_its_way(tmp_path: Path) -> None:
    files = {f"features/{i}.npy": npy(np.ones(i, np.float32)) for i in (3, 5)}
    rows = [row(f"u{i}", visual=f"/features/{i}.npy") for i in (5, 3)]
    write_raw(tmp_path / "raw", rows, files)
    result = ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    assert result["modalities"]["visual"]["dim"] == 5


def test_problems_are_listed_in_the_order_of_the_listing(tmp_path: Path) -> None:
    rows = [
        row(f"u{i}", speaker=f"F{9 - i}", visual="/no.npy", lexical="/no.npy", acoustic="/a.npy")
        for i in range(4)
    ]
    write_raw(tmp_path / "raw", rows, {"a.npy": GOOD})
    result = ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    listed = [(problem["utterance"], problem["modality"]) for problem in result["problems"]]
    assert listed == [(f"u{i}", modality) for i in range(4) for modality in ("visual", "lexical")]


def test_on_problem_fail_writes_nothing_and_counts(tmp_path: Path) -> None:
    raw = odd_one_first(tmp_path / "raw", 2)
    settings = IngestSettings(on_problem=OnProblem.FAIL)
    message = r"2 of 10 feature files cannot be used; the first is visual of u0: /features/0\.npy"
    with pytest.raises(InputError, match=message):
        ingest(raw, tmp_path / "memr.h5", settings, silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_on_problem_fail_takes_a_corpus_without_problems(tmp_path: Path) -> None:
    raw = odd_one_first(tmp_path / "raw", 0)
    settings = IngestSettings(on_problem=OnProblem.FAIL)
    assert ingest(raw, tmp_path / "memr.h5", settings, silent)["problems"] == []


def test_an_npz_is_not_an_npy(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, np.ones(3))
    raw = raw_with(tmp_path / "raw", stream.getvalue())
    assert "is a zip or .npz archive" in problem_of(raw, tmp_path / "memr.h5")["reason"]


@pytest.mark.parametrize("zipped", [False, True])
def test_memory_does_not_grow_with_the_content_of_bad_files(tmp_path: Path, zipped: bool) -> None:
    n_files, frames = 40, np.ones((1, 50_000), np.float32)
    bad = np.where(np.arange(50_000) == 7, np.nan, frames).astype(np.float32)
    files = {f"features/{i}.npy": npy(bad if i else frames) for i in range(n_files)}
    rows = [row(f"u{i}", lexical=path) for i, path in enumerate(files)]
    raw = write_raw(tmp_path / "raw", rows, files, zipped=zipped)
    ingest(raw, tmp_path / "first.h5", IngestSettings(), silent)  # loads modules and caches
    tracemalloc.start()
    try:
        result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(result["problems"]) == n_files - 1
    assert peak < n_files * bad.nbytes / 2
