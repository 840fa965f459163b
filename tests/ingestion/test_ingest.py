import json
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from ingested import ingest
from raw_folders import COLUMNS, npy, row, write_raw

from memr_cli.corpora.coursework import LAYOUT
from memr_cli.corpora.listing import MAX_NAME_BYTES
from memr_cli.corpora.npy import parse
from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.errors import InputError
from memr_cli.ingestion import IngestSettings
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES, Pooling
from store.check import check
from store.reader import Store
from store.schema import MAX_TEXT_BYTES

SMALL = SyntheticSettings(
    utterances=120, frames=4, visual_dim=9, acoustic_dim=7, lexical_dim=5, missing=0.1
)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    write_corpus(tmp_path / "raw", SMALL, silent)
    return tmp_path / "raw"


@pytest.mark.parametrize("how", Pooling)
def test_a_store_holds_the_pooled_features_of_the_corpus(
    raw: Path, tmp_path: Path, how: Pooling
) -> None:
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(pooling=how), silent)
    corpus = LAYOUT.read(raw, None)
    assert check(tmp_path / "memr.h5") == []
    with Store.open(tmp_path / "memr.h5") as store:
        assert store.fingerprint == result["fingerprint"]
        assert store.synthetic
        assert store.provenance["pooling"] == how
        assert str(store.provenance["source"]).startswith("xxh3_128:")
        pooled = {name: store.pooled(name) for name in MODALITIES}
        present = {name: store.present(name) for name in MODALITIES}
        frames = {name: store.frame_counts(name) for name in MODALITIES}
        for i, source_row in enumerate(store.utterances.source_row):
            utterance = corpus.utterances[source_row]
            assert store.utterances.ids[i] == utterance.id
            for name in MODALITIES:
                path = utterance.features.get(name)
                assert present[name][i] == (path is not None)
                if path is None:
                    assert np.isnan(pooled[name][i]).all()
                    continue
                array = np.load(raw / path.lstrip("/")).astype(np.float32)
                whole = array if array.ndim == 2 else array[np.newaxis]
                expected = whole.mean(axis=0) if how is Pooling.MEAN else whole.max(axis=0)
                np.testing.assert_allclose(pooled[name][i], expected, rtol=1e-4, atol=1e-5)
                assert frames[name][i] == len(whole)


def test_sequences_are_kept_where_asked_for(raw: Path, tmp_path: Path) -> None:
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(sequences=True), silent)
    assert result["sequences"]
    corpus = LAYOUT.read(raw, None)
    with Store.open(tmp_path / "memr.h5") as store:
        for i, source_row in enumerate(store.utterances.source_row):
            path = corpus.utterances[source_row].features.get("acoustic")
            kept = list(store.frame_slabs("acoustic", np.array([i])))
            if path is None:
                assert kept == []
            else:
                assert np.array_equal(kept[0], parse(corpus.source.blob(path).read()))


def test_the_result_is_strict_json_and_counts_add_up(raw: Path, tmp_path: Path) -> None:
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["utterances"] == 120 == sum(result["speakers"].values())
    assert result["labelled"] == 96 == sum(result["labels"].values())
    assert list(result["sessions"]) == ["1", "2", "3", "4", "5"]
    assert list(result["labels"]) == ["anger", "sadness", "happiness", "neutral"]
    assert list(result["speakers"]) == sorted(result["speakers"])
    for name, dim in zip(MODALITIES, (9, 7, 5), strict=True):
        modality = result["modalities"][name]
        assert modality["dim"] == dim
        assert modality["present"] + modality["missing"] == 120
        lengths = modality["frames"]
        assert 1 <= lengths["min"] <= lengths["median"] <= lengths["max"]
    assert result["problems"] == []
    assert result["notes"] == []
    assert result["reused"] is False


def test_folder_and_zip_give_one_store(raw: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "zipped"
    write_corpus(zipped, replace(SMALL, archive=True), silent)
    results = [
        ingest(folder, tmp_path / f"{folder.name}.h5", IngestSettings(), silent)
        for folder in (raw, zipped)
    ]
    assert results[0]["fingerprint"] == results[1]["fingerprint"]
    assert results[0]["provenance"]["source"] == results[1]["provenance"]["source"]


def test_the_source_hash_covers_listing_names_and_bytes(tmp_path: Path) -> None:
    rows = [row("a", lexical="/features/a.npy"), row("b", lexical="/features/b.npy")]
    files = {"features/a.npy": npy([1.0, 3.0]), "features/b.npy": npy([2.0, 3.0])}
    same_mean = npy([[0.0, 3.0], [2.0, 3.0]])
    relabelled = [rows[0], rows[1] | {"emotion_labels": 1}]
    variants = {
        "first": (rows, files),
        "again": (rows, files),
        "bytes": (rows, files | {"features/a.npy": same_mean}),
        "names": ([rows[0] | {"lexical_features": "features/a.npy"}, rows[1]], files),
        "listing": (relabelled, files),
    }
    hashes = {}
    for name, (listed, held) in variants.items():
        write_raw(tmp_path / name, listed, held)
        result = ingest(tmp_path / name, tmp_path / f"{name}.h5", IngestSettings(), silent)
        hashes[name] = result["provenance"]["source"]
    assert hashes["first"] == hashes.pop("again")
    assert len(set(hashes.values())) == 4


def test_a_modality_that_nobody_has_is_absent(tmp_path: Path) -> None:
    write_raw(
        tmp_path / "raw",
        [row("a", lexical="/features/a.npy", visual="/features/no.npy"), row("b")],
        {"features/a.npy": npy(np.ones(3, np.float32))},
    )
    result = ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    nothing = {"min": None, "median": None, "max": None}
    absent = {"dim": None, "present": 0, "missing": 2, "frames": nothing}
    assert result["modalities"]["visual"] == absent
    assert result["modalities"]["acoustic"] == absent
    assert result["modalities"]["lexical"]["present"] == 1
    assert result["modalities"]["lexical"]["missing"] == 1
    assert result["notes"] == ["visual is absent: none of its 1 files can be used"]
    with h5py.File(tmp_path / "memr.h5") as file:
        assert list(file["features"]) == ["lexical"]


def test_a_corpus_without_labels_is_taken_and_noted(tmp_path: Path) -> None:
    rows = [row("a", label="", lexical="/features/a.npy")]
    write_raw(tmp_path / "raw", rows, {"features/a.npy": npy(np.ones(3, np.float32))})
    result = ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    assert (result["labelled"], result["labels"]) == (0, {})
    assert "no utterance is labelled" in result["notes"][0]
    assert check(tmp_path / "memr.h5") == []


def test_the_splits_are_counted(tmp_path: Path) -> None:
    rows = [row(name, lexical="/features/a.npy", split=split) for name, split in ("ax", "by", "cx")]
    write_raw(tmp_path / "raw", rows, {"features/a.npy": npy([1.0])}, columns=(*COLUMNS, "split"))
    result = ingest(tmp_path / "raw", tmp_path / "memr.h5", IngestSettings(), silent)
    assert result["splits"] == {"x": 2, "y": 1}


def test_nothing_to_store_is_refused(tmp_path: Path) -> None:
    write_raw(tmp_path / "none", [row("a")], {})
    with pytest.raises(InputError, match="all feature columns are empty"):
        ingest(tmp_path / "none", tmp_path / "memr.h5", IngestSettings(), silent)
    write_raw(tmp_path / "lost", [row("a", visual="/features/a.npy"), row("b")], {})
    message = r"none of 1 feature files can be used.*visual of a: /features/a\.npy does not exist"
    with pytest.raises(InputError, match=message):
        ingest(tmp_path / "lost", tmp_path / "memr.h5", IngestSettings(), silent)
    assert not list(tmp_path.glob("*.h5"))
    assert not list(tmp_path.glob(".*"))


def test_the_folder_of_the_store_is_made(raw: Path, tmp_path: Path) -> None:
    ingest(raw, tmp_path / "new" / "folder" / "memr.h5", IngestSettings(), silent)
    assert (tmp_path / "new" / "folder" / "memr.h5").is_file()


def test_progress_counts_files(raw: Path, tmp_path: Path) -> None:
    seen = []

    def progress(
        items: Iterable[Any], description: str, *, total: int | None = None, unit: str = "it"
    ) -> Iterator[Any]:
        listed = list(items)
        seen.append((description, total, unit, len(listed)))
        yield from listed

    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), progress)
    files = sum(modality["present"] for modality in result["modalities"].values())
    assert seen == [("ingest", files, "file", files)]


@pytest.mark.parametrize("sequences", [False, True])
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, sequences: bool) -> None:
    peaks = []
    for n in (60, 240):
        raw = tmp_path / f"raw{n}"
        path = "/features/a.npy"
        content = npy(np.ones((50, 4000), np.float32))  # 0.8 MB a file
        write_raw(raw, [row(f"u{i}", visual=path) for i in range(n)], {path[1:]: content})
        tracemalloc.start()
        ingest(raw, tmp_path / f"{n}.h5", IngestSettings(sequences=sequences), silent)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 4 * 2**20
    assert peaks[1] < 24 * 2**20  # of 192 MB


def test_the_longest_name_a_listing_may_hold_is_the_stores() -> None:
    assert MAX_NAME_BYTES == MAX_TEXT_BYTES
