import fcntl
import tracemalloc
from collections.abc import Iterator
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
    frames,
    replace,
    seal,
    utterances,
    vector,
    write_store,
)

from store.atomic import replacing
from store.errors import StoreDamagedError
from store.reader import Modality, Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_store(tmp_path / "memr.h5", sequences=True)
    return tmp_path / "memr.h5"


@pytest.fixture
def opened(path: Path) -> Iterator[Store]:
    with Store.open(path) as store:
        yield store


def pooled(name: str) -> np.ndarray:
    rows = [vector(name, row) for row in range(N)]
    return np.array([np.full(DIMS[name], np.nan) if row is None else row for row in rows], "f4")


def test_a_store_tells_what_it_is(opened: Store, path: Path) -> None:
    assert opened.path == path
    assert opened.n == N
    assert opened.class_names == CLASSES
    assert opened.synthetic is True
    assert opened.fingerprint.startswith("sha256:")
    assert opened.provenance == {
        "pooling": "mean",
        "files": 3,
        "fraction": 0.5,
        "sequences": True,
    }
    assert [type(value) for value in opened.provenance.values()] == [int, float, str, bool]
    assert opened.modalities == {
        "lexical": Modality("lexical", 4, N - 2, 2, has_sequences=True),
        "visual": Modality("visual", 3, N - 2, 2, has_sequences=True),
    }


def test_the_columns_come_back(opened: Store) -> None:
    expected, found = utterances(), opened.utterances
    for name in ("ids", "speakers", "sessions", "dialogues", "splits"):
        assert getattr(found, name) == getattr(expected, name)
    for name in ("speaker", "session", "dialogue", "split", "turn", "label", "source_row"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
        assert getattr(found, name).dtype == getattr(expected, name).dtype


def test_whether_there_are_sessions_is_known_before_the_columns_are_read(
    path: Path,
) -> None:
    with Store.open(path) as opened:
        assert opened.has_sessions is True
    with h5py.File(path, "r+") as file:
        del file["names/session"]
        file.copy("names/split", "names/session")  # no utterance of this store has a split
    seal(path)
    with Store.open(path) as without:
        assert without.has_sessions is False


def test_presence_and_frame_counts(opened: Store) -> None:
    for name, missing in MISSING.items():
        assert np.flatnonzero(~opened.present(name)).tolist() == list(missing)
        counts = [0 if row in missing else 1 + row % 3 for row in range(N)]
        assert opened.frame_counts(name).tolist() == counts


@pytest.mark.parametrize("slab_bytes", [1, 40, 2**20])
def test_pooled_features_come_back(
    opened: Store, slab_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.slabs.READ_BYTES", slab_bytes)
    for _ in range(2):  # verified on the way, then read at once
        found = opened.pooled("visual")
        assert found.dtype == np.float32
        assert np.array_equal(found, pooled("visual"), equal_nan=True)


@pytest.mark.parametrize("slab_bytes", [1, 40, 2**20])
def test_pooled_features_are_read_into_columns_of_a_wider_array(
    opened: Store, slab_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.slabs.READ_BYTES", slab_bytes)
    wide = np.full((N, 9), 7, np.float32)
    opened.pooled_into("lexical", wide[:, 1:5])
    opened.pooled_into("visual", wide[:, 5:8])
    assert np.array_equal(wide[:, 1:5], pooled("lexical"), equal_nan=True)
    assert np.array_equal(wide[:, 5:8], pooled("visual"), equal_nan=True)
    assert (wide[:, [0, 8]] == 7).all()


def test_reading_into_a_view_makes_no_second_copy(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5", names=["visual"])
    n, dim = N, 500_000  # 24 MB
    with h5py.File(tmp_path / "memr.h5", "r+") as file:
        present = file["features/visual/present"][:][:, np.newaxis]
        values = np.where(present, np.zeros((n, dim), np.float32), np.float32("nan"))
        replace(file, "features/visual/pooled", values)
    seal(tmp_path / "memr.h5")
    with Store.open(tmp_path / "memr.h5") as store:
        wide = np.empty((n, dim + 1), np.float32)
        tracemalloc.start()
        try:
            store.pooled_into("visual", wide[:, 1:])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 12e6


@pytest.mark.parametrize(
    "out",
    [np.empty((N, 4), np.float32), np.empty((N - 1, 3), np.float32), np.empty((N, 3))],
    ids=["dims", "rows", "type"],
)
def test_an_array_that_does_not_fit_is_refused(opened: Store, out: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected writeable float32 \(12, 3\)"):
        opened.pooled_into("visual", out)


def test_the_frames_of_an_utterance(opened: Store) -> None:
    for name, dim in DIMS.items():
        for row in range(N):
            expected = frames(name, row)
            found = list(opened.frame_slabs(name, np.array([row])))
            assert len(found) == (expected is not None)
            assert expected is None or np.array_equal(found[0], expected)
            assert all(slab.shape[1] == dim for slab in found)


def test_a_store_without_sequences_says_so(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5")
    with Store.open(tmp_path / "memr.h5") as store:
        assert not store.modalities["visual"].has_sequences
        with pytest.raises(KeyError, match="no sequences of modality visual"):
            next(store.frame_slabs("visual"))


def test_unknown_names_are_key_errors(opened: Store) -> None:
    with pytest.raises(KeyError, match=r"no modality acoustic in .* it holds lexical, visual"):
        opened.pooled("acoustic")


@pytest.mark.parametrize(
    ("dataset", "at", "value", "message"),
    [
        ("utterances/speaker", 11, 7, "utterances/speaker: 7"),
        ("utterances/id", 0, "", "utterances/id: an empty text"),
        ("index/label", 0, [0, 0, 0], "index/label"),
        ("features/visual/sequence/offsets", 1, 99, "offsets: 2 rows"),
    ],
)
def test_columns_that_would_mislead_are_damage(
    path: Path, dataset: str, at: int, value: Any, message: str
) -> None:
    with h5py.File(path, "r+") as file:
        file[dataset][at] = value
    seal(path)
    with Store.open(path) as store:
        with pytest.raises(StoreDamagedError, match=message) as caught:
            _ = store.utterances, next(store.frame_slabs("visual"))
        assert f"memr ingest RAW --store {path} --overwrite" in str(caught.value)


def test_a_lock_held_by_someone_else_does_not_keep_readers_out(path: Path) -> None:
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with Store.open(path) as one, Store.open(path) as other:
            assert one.n == other.n == N


def test_a_reader_keeps_the_store_that_it_opened(path: Path) -> None:
    with Store.open(path) as store:
        with replacing(path) as temporary:
            write_store(temporary, names=["visual"])
        assert np.array_equal(store.pooled("lexical"), pooled("lexical"), equal_nan=True)
    with Store.open(path) as store:
        assert list(store.modalities) == ["visual"]
