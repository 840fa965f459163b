"""Stores that were made to mislead memr, or that HDF5 trips over by itself."""

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sandbox
from forged_bytes import beyond_the_end, looping_heap
from forged_stores import FORGED, virtual
from small_corpus import make_raw, make_store

from store import memory
from store.check import check
from store.errors import StoreError
from store.reader import Store

VALID = {
    "all equal",
    "huge values",
    "many attributes",
    "old format",
    "signs in class names",
    "thousands of class names",
    "turns that lie",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    return make_store(make_raw(folder / "raw"), folder / "memr.h5", sequences=True)


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(whole, tmp_path / "memr.h5"))


def verdict(path: Path) -> bool:
    """Whether the check passes."""
    try:
        return not check(path)
    except StoreError:
        return False
    except OSError as error:
        return refuse_others(error, path)


def refuse_others(error: OSError, path: Path) -> bool:
    """False, for what the system may refuse here."""
    assert error.errno in (errno.ENOMEM, errno.ELOOP)
    assert error.filename == str(path)
    return False


def readings(path: Path) -> Iterator[object]:
    """All that a store hands out."""
    with Store.open(path) as opened:
        yield opened.utterances
        for name, modality in opened.modalities.items():
            yield opened.frame_counts(name)
            yield opened.pooled(name)
            if modality.has_sequences:
                yield from opened.frame_slabs(name)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_store_is_found_out_or_read_whole(store: Path, name: str) -> None:
    FORGED[name](store)
    assert verdict(store) == (name in VALID)
    try:
        assert list(readings(store))
    except StoreError:
        assert name not in VALID
    except OSError as error:
        refuse_others(error, store)


def test_a_store_without_end_is_told_of_in_few_words(store: Path) -> None:
    FORGED["more groups than anyone needs"](store)
    ended = sandbox.survives("check", "--store", store)
    assert '"features members", "found": "1004", "expected": "at most 1000"' in ended.stdout
    assert len(ended.stdout) < 1000


@pytest.mark.parametrize("name", sorted(name for name in FORGED if "variable" in name))
def test_nothing_of_variable_length_is_read(store: Path, name: str) -> None:
    """HDF5 keeps it in heaps, and walks around one without an end for ever."""
    FORGED[name](store)
    looping_heap(store)
    ended = sandbox.survives("check", "--store", store)
    assert ended.code == 4
    assert "variable-length" in ended.stdout


def test_a_virtual_dataset_does_not_open_the_file_it_names(store: Path, tmp_path: Path) -> None:
    """Asking for the shape of one would: here it would wait for a writer to the pipe."""
    import os

    os.mkfifo(tmp_path / "pipe")
    virtual("pipe", unlimited=True)(store)
    assert sandbox.survives("check", "--store", store).code == 4


def test_values_behind_the_end_of_the_file_are_not_read(store: Path) -> None:
    beyond_the_end(store)
    with pytest.raises(StoreError, match="features/lexical/pooled"):
        Store.open(store)


def test_memory_for_more_rows_than_there_can_be_is_refused(store: Path) -> None:
    FORGED["columns of gigabytes"](store)
    ended = sandbox.survives("check", "--store", store)
    assert ended.code == 6
    assert "memory" in ended.stderr
    assert str(store) in ended.stderr


@pytest.mark.parametrize("reading", [check, Store.open])
def test_a_store_that_memory_does_not_hold_is_not_begun(
    store: Path, reading: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(memory, "available", lambda: 100)
    with pytest.raises(OSError, match="Cannot allocate memory") as caught:
        reading(store)
    assert caught.value.filename == str(store)
