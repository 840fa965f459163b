"""Frames of many utterances read at once, against those of each read by itself."""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import DIMS, MISSING, N, frames, replace, seal, utterances, vector, write_store

from store import slabs
from store.errors import StoreDamagedError
from store.reader import Store
from store.writer import StoreWriter


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "memr.h5"
    write_store(path, sequences=True)
    return path


@pytest.fixture
def opened(path: Path) -> Iterator[Store]:
    with Store.open(path) as store:
        yield store


def joined(store: Store, name: str, rows: np.ndarray | None = None) -> np.ndarray:
    """All slabs one behind the other."""
    empty = np.empty((0, DIMS[name]), np.float32)
    return np.concatenate([empty, *store.frame_slabs(name, rows)])


@given(
    rows=st.lists(st.integers(0, N - 1), max_size=20),
    slab_bytes=st.integers(1, 200),
    name=st.sampled_from(sorted(DIMS)),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_frames_of_rows_are_those_of_each_row_in_turn(
    opened: Store, rows: list[int], slab_bytes: int, name: str
) -> None:
    numbers = np.array(rows, np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slabs, "READ_BYTES", slab_bytes)
        found = list(opened.frame_slabs(name, numbers))
    assert all(len(slab) <= max(1, slab_bytes // (4 * DIMS[name])) for slab in found)
    nothing = np.empty((0, DIMS[name]), np.float32)
    each = [nothing if (several := frames(name, row)) is None else several for row in rows]
    expected = np.concatenate([nothing, *each])
    np.testing.assert_array_equal(np.concatenate([expected[:0], *found]), expected)
    lengths = opened.sequence_lengths(name)[numbers]
    np.testing.assert_array_equal(lengths, [len(sequence) for sequence in each])
    owners = [owner for _, owner in slabs.with_owners(found, lengths)]
    expected_owners = np.repeat(np.arange(len(rows)), lengths)
    np.testing.assert_array_equal(np.concatenate([expected_owners[:0], *owners]), expected_owners)


def test_frames_of_all_rows_are_read_in_one_go(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def counted(dataset: h5py.Dataset, start: int, out: np.ndarray) -> None:
        reads.append((start, len(out)))
        read_range(dataset, start, out)

    read_range = slabs.read_range
    monkeypatch.setattr(slabs, "read_range", counted)
    whole = joined(opened, "lexical")
    assert reads == [(0, len(whole))]
    assert len(whole) == opened.frame_counts("lexical").sum()
    reads.clear()
    joined(opened, "lexical", np.array([2, 3, 4, 8, 9]))
    assert len(reads) == 2


def test_a_slab_is_an_array_of_its_own(opened: Store) -> None:
    before = joined(opened, "visual")
    for slab in opened.frame_slabs("visual"):
        slab += 1
    np.testing.assert_array_equal(joined(opened, "visual"), before)


def test_where_each_utterance_has_one_frame_it_is_what_was_pooled(tmp_path: Path) -> None:
    store = StoreWriter(
        tmp_path / "one.h5",
        utterances(),
        ("anger", "sadness"),
        provenance={},
        synthetic=True,
        sequences=False,
    )
    with store as writer:
        writer.add_modality("lexical", DIMS["lexical"])
        for row in range(N):
            mean = vector("lexical", row)
            writer.append("lexical", mean, int(mean is not None), None)
        writer.finish()
    rows = np.array([5, 3, 2, 3, 1])
    with Store.open(tmp_path / "one.h5") as opened:
        expected = [vector("lexical", row) for row in (3, 2, 3)]
        np.testing.assert_array_equal(joined(opened, "lexical", rows), expected)
        lengths = [int(row not in MISSING["lexical"]) for row in range(N)]
        np.testing.assert_array_equal(opened.sequence_lengths("lexical"), lengths)


def test_frames_that_were_pooled_and_not_kept_are_not_made_up(tmp_path: Path) -> None:
    write_store(tmp_path / "memr.h5")
    assert max(len(several) for row in range(N) if (several := frames("visual", row)) is not None)
    with Store.open(tmp_path / "memr.h5") as store:
        with pytest.raises(KeyError, match="no sequences of modality visual"):
            store.sequence_lengths("visual")
        with pytest.raises(KeyError, match="no sequences of modality visual"):
            next(store.frame_slabs("visual"))


def test_what_is_not_there_is_refused(opened: Store) -> None:
    with pytest.raises(KeyError, match="no modality acoustic"):
        next(opened.frame_slabs("acoustic"))
    with pytest.raises(IndexError, match=f"rows 0 to {N}"):
        next(opened.frame_slabs("visual", np.array([0, N])))


def test_offsets_that_do_not_ascend_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "memr.h5"
    write_store(path, sequences=True)
    with h5py.File(path, "r+") as file:
        offsets = file["features/visual/sequence/offsets"][()]
        replace(file, "features/visual/sequence/offsets", offsets[::-1].copy())
    seal(path)
    with Store.open(path) as store, pytest.raises(StoreDamagedError, match="rule sequence-offsets"):
        next(store.frame_slabs("visual"))
