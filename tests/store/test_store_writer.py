import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from store_samples import (
    CLASSES,
    DIMS,
    MISSING,
    N,
    content_fingerprint,
    content_sha256,
    datasets,
    frames,
    utterances,
    vector,
    write_store,
)

import store.writer
from store.atomic import replacing
from store.check import check
from store.utterances import Utterances
from store.writer import Sink, StoreWriter


def writer(path: Path, **changed: Any) -> StoreWriter:
    arguments: dict[str, Any] = {
        "utterances": utterances(),
        "class_names": CLASSES,
        "provenance": {},
        "synthetic": False,
    }
    return StoreWriter(path, **(arguments | changed))


def test_plain_h5py_reads_what_was_written(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5")
    rows = utterances()
    with h5py.File(tmp_path / "memr.h5") as file:
        assert file.attrs["format"] == b"memr-store"
        assert file.attrs["format_version"] == 2
        assert tuple(file["names/class"].asstr()[:]) == CLASSES
        assert bool(file.attrs["synthetic"]) is True
        assert file["provenance"].attrs["pooling"] == b"mean"
        assert tuple(file["utterances/id"].asstr()[:]) == rows.ids
        assert tuple(file["names/speaker"].asstr()[:]) == ("F01", "F02", "F03")
        assert file["names/split"].shape == (0,)
        assert file["index/speaker"][:].tolist() == [[0, 4], [4, 8], [8, 12]]
        assert file["index/label"][:].tolist() == [
            [-1, 0, 1],
            [-1, 4, 5],
            [-1, 8, 9],
            [0, 1, 2],
            [0, 5, 6],
            [0, 9, 10],
            [1, 2, 4],
            [1, 6, 8],
            [1, 10, 12],
        ]
        for name, dim in DIMS.items():
            group = file["features"][name]
            assert group["pooled"].dtype == np.dtype("<f4")
            assert group["pooled"].shape == (N, dim)
            missing = np.flatnonzero(~group["present"][:])
            assert tuple(missing) == MISSING[name]
            assert np.isnan(group["pooled"][:][missing]).all()
            assert (group["frames"][:][missing] == 0).all()
            assert group["pooled"][3].tolist() == vector(name, 3).tolist()


def test_checksums_and_fingerprint_can_be_recomputed_from_the_text_of_the_format(
    tmp_path: Path,
) -> None:
    mark = write_store(tmp_path / "memr.h5", sequences=True)
    with h5py.File(tmp_path / "memr.h5") as file:
        for dataset in datasets(file).values():
            assert dataset.attrs["sha256"].decode() == content_sha256(dataset)
        assert file.attrs["fingerprint"].decode() == mark == content_fingerprint(file)


def test_frames_lie_two_utterances_after_the_other(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5", sequences=True)
    with h5py.File(tmp_path / "memr.h5") as file:
        sequence = file["features/visual/sequence"]
        offsets = sequence["offsets"][:]
        assert np.array_equal(np.diff(offsets), file["features/visual/frames"][:])
        for row in range(N):
            stored = sequence["frames"][offsets[row] : offsets[row + 1]]
            expected = frames("visual", row)
            assert stored.tolist() == ([] if expected is None else expected.tolist())


def test_a_modality_that_no_utterance_has_is_not_in_the_store(tmp_path: Path) -> None:
    alone = write_store(tmp_path / "alone.h5", names=["visual"])
    with writer(tmp_path / "memr.h5", synthetic=True) as out:
        for name in ("lexical", "visual"):
            out.add_modality(name, DIMS[name])
            for row in range(N):
                given = vector(name, row) if name == "visual" else None
                out.append(name, given, 0 if given is None else len(frames(name, row)))
        assert out.finish() == alone
    assert check(tmp_path / "memr.h5") == []


def test_rows_of_different_modalities_may_come_in_turn(tmp_path: Path) -> None:
    one_by_one = write_store(tmp_path / "one.h5")
    with writer(tmp_path / "two.h5", synthetic=True) as out:
        for name in DIMS:
            out.add_modality(name, DIMS[name])
        for row in range(N):
            for name in DIMS:
                several = frames(name, row)
                out.append(name, vector(name, row), 0 if several is None else len(several))
        assert out.finish() == one_by_one


def test_many_leading_and_trailing_missing_rows_are_written(tmp_path: Path) -> None:
    n = 5000
    rows = Utterances.arrange(
        ids=[f"u{i:04d}" for i in range(n)],
        speakers=["F01"] * n,
        labels=[0] * n,
        sessions=[None] * n,
        dialogues=[None] * n,
        turns=[None] * n,
        splits=[None] * n,
    )
    with writer(tmp_path / "memr.h5", utterances=rows) as out:
        out.add_modality("lexical", 2)
        for row in range(n):
            out.append("lexical", np.ones(2) if row == 3000 else None, int(row == 3000))
        out.finish()
    assert check(tmp_path / "memr.h5") == []
    with h5py.File(tmp_path / "memr.h5") as file:
        pooled = file["features/lexical/pooled"][:]
    assert np.flatnonzero(~np.isnan(pooled).any(axis=1)).tolist() == [3000]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4", np.int32])
def test_other_number_types_are_stored_as_float32(tmp_path: Path, dtype: Any) -> None:
    rows = Utterances.arrange(
        ids=["a"],
        speakers=["F01"],
        labels=[0],
        sessions=[None],
        dialogues=[None],
        turns=[None],
        splits=[None],
    )
    with writer(tmp_path / "memr.h5", utterances=rows) as out:
        out.add_modality("lexical", 2)
        out.append("lexical", np.array([1, 2], dtype), 1)
        out.finish()
    with h5py.File(tmp_path / "memr.h5") as file:
        assert file["features/lexical/pooled"][:].tolist() == [[1, 2]]


APPENDS: list[tuple[str, tuple[Any, ...], bool, str]] = [
    ("unknown modality", ("acoustic", np.ones(3), 1), False, "no modality acoustic; added: visual"),
    ("wrong dims", ("visual", np.ones(4), 1), False, r"shape \(4,\); expected \(3,\)"),
    ("two axes", ("visual", np.ones((1, 3)), 1), False, r"shape \(1, 3\); expected \(3,\)"),
    ("NaN", ("visual", np.array([1, np.nan, 1]), 1), False, "row 0: NaN or infinity"),
    ("too large for float32", ("visual", np.full(3, 1e300), 1), False, "NaN or infinity"),
    ("no frames", ("visual", np.ones(3), 0), False, "0 frames; expected at least 1"),
    ("frames of nothing", ("visual", None, 2), False, "a missing row has none"),
    ("frames not wanted", ("visual", np.ones(3), 1, np.ones((1, 3))), False, "without sequences"),
    ("frames wanted", ("visual", np.ones(3), 1), True, "frames expected"),
    ("frame count", ("visual", np.ones(3), 2, np.ones((1, 3))), True, r"expected \(2, 3\)"),
    ("infinite frame", ("visual", np.ones(3), 1, np.full((1, 3), np.inf)), True, "infinity"),
]


def write_visual(path: Path, rows: int, arguments: tuple[Any, ...], **changed: Any) -> None:
    """A store of one modality with 3 dims that has the same row `rows` times."""
    with writer(path, **changed) as out:
        out.add_modality("visual", 3)
        for _ in range(rows):
            out.append(*arguments)
        out.finish()


@pytest.mark.parametrize(
    ("arguments", "sequences", "message"),
    [case[1:] for case in APPENDS],
    ids=[case[0] for case in APPENDS],
)
def test_a_wrong_row_is_refused(
    tmp_path: Path, arguments: tuple[Any, ...], sequences: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_visual(tmp_path / "memr.h5", 1, arguments, sequences=sequences)


@pytest.mark.parametrize(
    ("rows", "arguments", "message"),
    [
        (N - 1, ("visual", np.ones(3), 1), "has 11 rows; expected 12"),
        (N + 1, ("visual", np.ones(3), 1), "has its 12 rows already"),
        (N, ("visual", None, 0), "no modality has a present row"),
    ],
)
def test_a_store_with_too_few_or_too_many_rows_cannot_be_finished(
    tmp_path: Path, rows: int, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_visual(tmp_path / "memr.h5", rows, arguments)


def test_leaving_without_finish_never_replaces_a_store(tmp_path: Path) -> None:
    path = tmp_path / "memr.h5"
    path.write_bytes(b"old")
    with (
        pytest.raises(RuntimeError, match="not finished"),
        replacing(path) as temporary,
        writer(temporary),
    ):
        pass
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["", "Visual", "a/b", "2d", ".", "vis-ual", "é"])
def test_a_modality_name_that_is_not_a_plain_word_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a name like"), writer(tmp_path / "x.h5") as out:
        out.add_modality(name, 3)


def test_a_modality_added_twice_or_without_dims_is_refused(tmp_path: Path) -> None:
    with writer(tmp_path / "memr.h5") as out:
        with pytest.raises(ValueError, match="0 dims"):
            out.add_modality("visual", 0)
        out.add_modality("visual", 3)
        with pytest.raises(ValueError, match="added already"):
            out.add_modality("visual", 3)
        for _ in range(N):
            out.append("visual", np.ones(3), 1)
        out.finish()


def two_utterances(**changed: Any) -> Utterances:
    columns: dict[str, Any] = {
        "ids": ["a", "b"],
        "speakers": ["F01", "F02"],
        "labels": [0, 1],
        "sessions": [None, None],
        "dialogues": [None, None],
        "turns": [None, None],
        "splits": [None, None],
    }
    return Utterances.arrange(**(columns | changed))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"utterances": two_utterances(ids=["a", "a"])}, "'a' more than once"),
        ({"utterances": two_utterances(ids=["a", ""])}, "an empty text"),
        ({"utterances": two_utterances(ids=["a", "b\0"])}, "a NUL inside"),
        ({"utterances": two_utterances(ids=["a", "\ud800"])}, "not UTF-8"),
        ({"utterances": two_utterances(speakers=["F01", "x" * 1025])}, "a text of 1025 bytes"),
        ({"utterances": two_utterances(labels=[0, 2])}, "codes -1 to 1"),
        ({"class_names": ("anger", "anger")}, "'anger' more than once"),
        ({"class_names": ("anger", "")}, "an empty text"),
        ({"provenance": {"list": [1]}}, "provenance list"),
        ({"provenance": {"rate": float("nan")}}, "provenance rate"),
        ({"provenance": {"name": "\0"}}, "provenance name"),
        ({"provenance": {"name": "x" * 32769}}, "32769 bytes; expected at most 32768"),
    ],
)
def test_content_that_breaks_the_format_is_refused(
    tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        writer(tmp_path / "memr.h5", **changed)
    assert not (tmp_path / "memr.h5").exists()


def test_memory_does_not_grow_with_the_features(tmp_path: Path) -> None:
    n, dim = 3000, 2000  # 24 MB pooled and as much in frames
    rows = Utterances.arrange(
        ids=[str(i) for i in range(n)],
        speakers=["F01"] * n,
        labels=[0] * n,
        sessions=[None] * n,
        dialogues=[None] * n,
        turns=[None] * n,
        splits=[None] * n,
    )
    features = np.ones((1, dim), np.float32)
    tracemalloc.start()
    try:
        with writer(tmp_path / "memr.h5", utterances=rows, sequences=True) as out:
            out.add_modality("visual", dim)
            for _ in range(n):
                out.append("visual", features[0], 1, features)
            out.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "memr.h5").stat().st_size > 48e6
    assert peak < 8e6


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {here!r})
from store_samples import write_store
from store.atomic import replacing
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
try:
    with replacing(Path({path!r})) as temporary:
        write_store(temporary, sequences=True)
except OSError as error:
    print(error.strerror)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize("limit", [0, 5000, 20000])
def test_a_full_disk_is_an_oserror_and_leaves_the_old_store(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "memr.h5"
    path.write_bytes(b"old")
    code = FULL_DISK.format(here=str(Path(__file__).parent), limit=limit, path=str(path))
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "File too large\n", "")
    assert [found.name for found in tmp_path.iterdir()] == ["memr.h5"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("at", [1, 2, 5, 8])
def test_ctrl_c_within_a_write_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class InterruptedFile:
        writes = 0

        def __init__(self, file: Any) -> None:
            self._file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def write(self, content: Any) -> int:
            self.writes += 1
            if self.writes == at:
                raise KeyboardInterrupt
            return int(self._file.write(content))

    class InterruptedSink(Sink):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self._file: Any = InterruptedFile(self._file)

    monkeypatch.setattr(store.writer, "Sink", InterruptedSink)
    path = tmp_path / "memr.h5"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        write_store(temporary, sequences=True)
    assert [found.name for found in tmp_path.iterdir()] == ["memr.h5"]
    assert path.read_bytes() == b"old"


def test_after_a_refusal_nothing_more_is_written(tmp_path: Path) -> None:
    sink = Sink(tmp_path / "memr.h5")
    sink.write(b"first")
    sink.truncate(-1)  # which the system refuses
    assert sink.write(b"second") == len(b"second")
    with pytest.raises(OSError, match="Invalid argument"):
        sink.raise_refusal()
    sink.close()
    assert (tmp_path / "memr.h5").read_bytes() == b"first"
