import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ingested import ingest
from raw_folders import npy, row, write_raw

from memr_cli.corpora.features import Found
from memr_cli.corpora.folders import FolderSource
from memr_cli.errors import InputError, StoreRefusedError
from memr_cli.ingestion import IngestSettings, columns
from memr_cli.progress import silent
from memr_cli.vocabulary import Pooling
from store.check import check
from store.reader import Store

ROWS = [row(f"u{i}", label=i % 2, acoustic=f"/features/{i}.npy") for i in range(4)]
FILES = {f"features/{i}.npy": npy(np.full((2, 3), i, np.float32) * [[1], [2]]) for i in range(4)}
KEEP, OVERWRITE = IngestSettings(), IngestSettings(overwrite=True)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_raw(tmp_path / "raw", ROWS, FILES)


@pytest.fixture
def store(tmp_path: Path, raw: Path) -> Path:
    ingest(raw, tmp_path / "memr.h5", KEEP, silent)
    return tmp_path / "memr.h5"


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: FolderSource, path: str) -> Found:
        raise AssertionError(f"looked for {path}")

    monkeypatch.setattr(FolderSource, "find", refuse)


def unchanged(store: Path, act: Callable[[], object]) -> str:
    """What a refusal says; the store and its folder stay as they were."""
    before, names = store.read_bytes(), sorted(store.parent.iterdir())
    with pytest.raises(StoreRefusedError) as caught:
        act()
    assert store.read_bytes() == before
    assert sorted(store.parent.iterdir()) == names
    assert caught.value.exit_code == 4
    return str(caught.value)


@pytest.mark.parametrize("settings", [KEEP, OVERWRITE])
def test_the_same_content_is_reused(raw: Path, store: Path, settings: IngestSettings) -> None:
    before = store.read_bytes(), store.stat().st_ino
    result = ingest(raw, store, settings, silent)
    assert result["reused"] is True
    assert result["notes"] == []
    assert (store.read_bytes(), store.stat().st_ino) == before
    assert not list(store.parent.glob("*.tmp")) + list(store.parent.glob(".*"))


@pytest.mark.parametrize(
    ("rows", "settings", "found"),
    [
        (ROWS[:3], KEEP, "it has 4 utterances, this corpus 3"),
        ([*ROWS[:3], row("other", label=1, acoustic="/features/3.npy")], KEEP, "the column id"),
        ([*ROWS[:3], ROWS[3] | {"emotion_labels": 0}], KEEP, "the column id"),
        (ROWS[::-1], KEEP, "the column id"),
        ([r | {"speakers": "M01"} for r in ROWS], KEEP, "the column speaker"),
        ([*ROWS[:3], ROWS[3] | {"emotion_labels": ""}], KEEP, "the column id"),
        (ROWS, IngestSettings(class_names=("no", "yes")), "its classes are class0, class1; here"),
        (ROWS, IngestSettings(sequences=True), "pooled vectors without sequences"),
    ],
)
def test_another_listing_is_refused_before_features_are_read(
    tmp_path: Path,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    settings: IngestSettings,
    found: str,
) -> None:
    raw = write_raw(tmp_path / "raw", rows, FILES)
    with monkeypatch.context() as patch:
        no_reading(patch)
        message = unchanged(store, lambda: ingest(raw, store, settings, silent))
    assert found in message
    assert "--overwrite" in message
    result = ingest(raw, store, replace(settings, overwrite=True), silent)
    assert result["reused"] is False
    assert result["notes"] == [f"what {store} held before was replaced"]
    assert check(store) == []


@pytest.mark.parametrize(
    ("files", "settings", "found"),
    [
        ({}, IngestSettings(pooling=Pooling.MAX), "it was pooled by mean, here by max"),
        ({"features/0.npy": npy(np.ones((5, 3)))}, KEEP, "has other numbers of frames there"),
        ({"features/0.npy": b""}, KEEP, "acoustic has present 4 there, 3 here"),
        ({"features/0.npy": npy(np.ones((2, 3)))}, KEEP, "have other features"),
    ],
)
def test_other_features_are_refused(
    raw: Path, store: Path, files: dict[str, bytes], settings: IngestSettings, found: str
) -> None:
    write_raw(raw, ROWS, files)
    message = unchanged(store, lambda: ingest(raw, store, settings, silent))
    with pytest.raises(AssertionError, match=found):
        raise AssertionError(message)
    result = ingest(raw, store, replace(settings, overwrite=True), silent)
    with Store.open(store) as held:
        assert held.fingerprint == result["fingerprint"]


def a_text(path: Path) -> None:
    path.write_text("my thesis", encoding="utf-8")


def another_hdf5(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file["results"] = np.ones(3)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("settings", [KEEP, OVERWRITE])
@pytest.mark.parametrize("make", [a_text, another_hdf5, a_folder])
def test_what_is_no_store_is_never_overwritten(
    raw: Path,
    store: Path,
    make: Callable[[Path], None],
    settings: IngestSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make(store)
    no_reading(monkeypatch)
    before = None if store.is_dir() else store.read_bytes()
    with pytest.raises(StoreRefusedError, match=r"is never overwritten\. Move it away"):
        ingest(raw, store, settings, silent)
    assert store.is_dir() if before is None else store.read_bytes() == before


def damaged(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        del file["utterances"]


def too_new(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 99


def too_old(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = 0


def damaged_within(path: Path) -> None:
    """Says of itself that it holds the same, and does not."""
    with h5py.File(path, "r+") as file:
        file["features/acoustic/pooled"][0, 0] = 99


@pytest.mark.parametrize("spoil", [damaged, too_new, too_old, damaged_within])
def test_a_store_of_ours_that_is_of_no_use_is_replaced_on_demand(
    raw: Path, store: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(store)
    message = unchanged(store, lambda: ingest(raw, store, KEEP, silent))
    assert "--overwrite" in message
    assert ingest(raw, store, OVERWRITE, silent)["reused"] is False
    assert check(store) == []


class Interruption(BaseException):
    """Stands for Ctrl-C."""


@pytest.mark.parametrize("in_threads", [False, True])
@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("error", [Interruption, OSError(28, "No space left on device")])
def test_a_failure_halfway_leaves_the_old_store_or_none(
    raw: Path,
    store: Path,
    existed: bool,
    error: BaseException,
    in_threads: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if in_threads:
        monkeypatch.setattr(columns, "SMALL_BYTES", 0)
    threads = threading.active_count()
    before = store.read_bytes()
    write_raw(raw, ROWS[:3], FILES)
    if not existed:
        store.unlink()
    names = sorted(store.parent.iterdir())

    def failing(items: Iterable[Any], *_: object, **__: object) -> Iterator[Any]:
        for i, item in enumerate(items):
            if i == 2:
                raise error
            yield item

    with pytest.raises((Interruption, OSError)):
        ingest(raw, store, OVERWRITE, failing)
    assert threading.active_count() == threads
    assert sorted(store.parent.iterdir()) == names
    assert not existed or store.read_bytes() == before
    assert ingest(raw, store, OVERWRITE, silent)["utterances"] == 3


def test_bad_raw_data_leaves_the_old_store(raw: Path, store: Path) -> None:
    before = store.read_bytes()
    write_raw(raw, [*ROWS, ROWS[0]], FILES)
    with pytest.raises(InputError):
        ingest(raw, store, OVERWRITE, silent)
    assert store.read_bytes() == before
