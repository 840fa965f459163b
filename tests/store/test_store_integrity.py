"""What a reader hands out is what was written, or is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from store_samples import N, datasets, provenance_sha256, put_attribute, seal, write_store

from store.check import check
from store.errors import StoreDamagedError
from store.integrity import ContentHash
from store.reader import Store
from store.writer import StoreWriter

ROWS = np.array([2, 3])

READS: dict[str, Callable[[Store], object]] = {
    "features/lexical/present": lambda store: store.present("lexical"),
    "features/lexical/frames": lambda store: store.frame_counts("lexical"),
    "features/lexical/sequence/offsets": lambda store: next(store.frame_slabs("lexical")),
    "utterances/turn": lambda store: store.utterances,
    "utterances/id": lambda store: store.utterances,
    "names/speaker": lambda store: store.utterances,
    "index/label": lambda store: store.utterances,
}
POOLED: list[Callable[[Store], object]] = [
    lambda store: store.pooled("lexical"),
    lambda store: store.pooled_into("lexical", np.empty((N, 5), np.float32)[:, 1:]),
]
FRAMES: list[Callable[[Store], object]] = [
    lambda store: next(store.frame_slabs("lexical")),
    lambda store: next(store.frame_slabs("lexical", ROWS)),
]
CASES = [
    *READS.items(),
    *(("features/lexical/pooled", read) for read in POOLED),
    *(("features/lexical/sequence/frames", read) for read in FRAMES),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_store(tmp_path / "memr.h5", sequences=True)
    return tmp_path / "memr.h5"


def change_last_value(path: Path, dataset: str) -> None:
    with h5py.File(path, "r+") as file:
        last = file[dataset][-1]
        file[dataset][-1] = b"x" if isinstance(last, bytes) else np.logical_not(last)


@pytest.mark.parametrize(
    ("dataset", "read"), CASES, ids=[f"{case[0]}-{at}" for at, case in enumerate(CASES)]
)
@pytest.mark.parametrize("slab_bytes", [1, 2**20])
def test_changed_values_are_never_handed_out(
    path: Path,
    dataset: str,
    read: Callable[[Store], object],
    slab_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.slabs.READ_BYTES", slab_bytes)
    with Store.open(path) as store:
        read(store)
    change_last_value(path, dataset)
    with Store.open(path) as store:
        message = f"{dataset}: other values than were written"
        for _ in range(2):  # a second attempt is refused as the first
            with pytest.raises(StoreDamagedError, match=message) as caught:
                read(store)
        assert f"memr ingest RAW --store {path} --overwrite" in str(caught.value)


@pytest.mark.parametrize("read", [*POOLED, *FRAMES])
def test_each_dataset_is_hashed_once_per_open_file(
    path: Path, read: Callable[[Store], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path) as store:
        read(store)
        monkeypatch.setattr(ContentHash, "add_numbers", None)
        read(store)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: put_attribute(file, "fingerprint", "sha256:" + "0" * 64),
        lambda file: file.attrs.modify("synthetic", np.False_),
        lambda file: put_attribute(file["names/split"], "sha256", "0" * 64),
    ],
)
def test_a_fingerprint_that_does_not_follow_is_noticed_on_opening(
    path: Path, change: Callable[[h5py.File], None]
) -> None:
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(StoreDamagedError, match=r"fingerprint: sha256:.* \(rule fingerprint\)"):
        Store.open(path)
    assert check(path)


@pytest.mark.parametrize("cut", [True, False])
def test_a_store_that_is_overwritten_in_place_while_it_is_open(path: Path, cut: bool) -> None:
    with h5py.File(path) as file:
        at = file["features/lexical/pooled"].id.get_offset()
    with Store.open(path) as store:
        with path.open("r+b") as file:
            if cut:
                file.truncate(at)
            else:
                file.seek(at)
                file.write(b"\1" * 8)
        with pytest.raises(StoreDamagedError):
            store.pooled("lexical")


@pytest.mark.parametrize("value", [None, 7])
def test_a_dataset_without_a_checksum_is_noticed_on_opening(path: Path, value: int | None) -> None:
    with h5py.File(path, "r+") as file:
        del file["names/split"].attrs["sha256"]
        if value is not None:
            put_attribute(file["names/split"], "sha256", value)
    with pytest.raises(StoreDamagedError, match="names/split attribute sha256: missing"):
        Store.open(path)


def test_changed_class_names_are_noticed_on_opening(path: Path) -> None:
    change_last_value(path, "names/class")
    with pytest.raises(StoreDamagedError, match="names/class: other values than were written"):
        Store.open(path)


@pytest.mark.parametrize(
    ("name", "rule"), [("anger", "class-name-unique"), ("", "text-valid"), (b"\xff", "text-valid")]
)
def test_class_names_that_break_a_rule_are_damage_though_the_checksum_fits(
    path: Path, name: str, rule: str
) -> None:
    with h5py.File(path, "r+") as file:
        file["names/class"][1] = name
    seal(path)
    with pytest.raises(StoreDamagedError, match=f"rule {rule}"):
        Store.open(path)


def test_changed_provenance_is_noticed_on_opening(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        put_attribute(file["provenance"], "pooling", "max")
    with pytest.raises(StoreDamagedError, match="rule provenance-checksum"):
        Store.open(path)


def test_the_checksum_of_the_provenance_can_be_recomputed_from_the_text_of_the_format(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memr.h5"
    given = {"a": 'é"\n', "b": True, "c": -(2**63), "d": 0.1, "e": 1e300, "f": 1.0, "g": ""}
    write_store(path, provenance=given)
    with h5py.File(path) as file:
        assert file.attrs["provenance_sha256"].decode() == provenance_sha256(file)
    assert check(path) == []
    with Store.open(path) as store:
        assert store.provenance == given


def test_provenance_known_only_at_the_end_counts(tmp_path: Path) -> None:
    from store_samples import CLASSES, utterances, vector

    path = tmp_path / "memr.h5"
    with StoreWriter(
        path, utterances(), CLASSES, provenance={"a": 1, "b": 2}, synthetic=True
    ) as writer:
        writer.add_modality("lexical", 4)
        for row in range(N):
            values = vector("lexical", row)
            writer.append("lexical", values, int(values is not None))
        writer.finish({"b": 3, "c": 4})
    assert check(path) == []
    with Store.open(path) as store:
        assert store.provenance == {"a": 1, "b": 3, "c": 4}


@pytest.mark.parametrize(
    ("dataset", "at", "value", "rule"),
    [
        ("features/lexical/pooled", 0, np.inf, "row 0; expected finite values where present"),
        ("features/lexical/pooled", (1, 2), 0, "row 1; expected NaN throughout where missing"),
        ("features/lexical/sequence/frames", (3, 1), np.nan, "row 3; expected finite values"),
        ("features/lexical/frames", 0, 0, "row 0; expected at least 1 where present"),
        ("features/lexical/frames", 0, 7, "expected steps equal to the frame counts"),
    ],
)
@pytest.mark.parametrize("slab_bytes", [1, 2**20])
def test_features_that_break_a_rule_are_damage_though_their_checksums_fit(
    path: Path,
    dataset: str,
    at: Any,
    value: float,
    rule: str,
    slab_bytes: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with h5py.File(path, "r+") as file:
        file[dataset][at] = value
    seal(path)
    monkeypatch.setattr("store.slabs.READ_BYTES", slab_bytes)
    with Store.open(path) as store, pytest.raises(StoreDamagedError, match=rule):
        assert store.pooled("lexical") is next(store.frame_slabs("lexical"))
    with Store.open(path) as store, pytest.raises(StoreDamagedError, match=rule):
        assert next(store.frame_slabs("lexical", ROWS)) is store.pooled("lexical")


def test_every_dataset_that_a_reader_reads_is_among_these(path: Path) -> None:
    with h5py.File(path) as file:
        names = {name.split("/")[-1] for name in datasets(file) if name.startswith("features")}
    assert names == {dataset.split("/")[-1] for dataset, _ in CASES if "features" in dataset}
