"""Frames as models are fed with them: segments, scalers, batches of similar length."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.learning import sequences
from memr_cli.learning.sequences import Modality, SequenceFeed, SequenceInputs, Sequences
from memr_cli.progress import silent
from memr_cli.vocabulary import MODALITIES
from store.reader import Store


@dataclass
class Made:
    """Frames (T, D) of utterances by modality, handed out in slabs; counts those handed out."""

    frames: dict[str, list[np.ndarray]]
    slab: int = 7
    touched: int = field(default=0)

    def sequence_lengths(self, name: str) -> np.ndarray:
        return np.array([len(sequence) for sequence in self.frames[name]])

    def frame_slabs(self, name: str, rows: np.ndarray) -> Iterator[np.ndarray]:
        whole = np.concatenate([self.frames[name][row] for row in rows])
        self.touched += len(whole)
        for start in range(0, len(whole), self.slab):
            yield whole[start : start + self.slab].copy()


def made(lengths: dict[str, list[int]], seed: int = 0) -> Made:
    rng = np.random.default_rng(seed)
    return Made(
        {
            name: [rng.normal(row, 1 + row, (n, 2 + g)).astype("f4") for row, n in enumerate(many)]
            for g, (name, many) in enumerate(lengths.items())
        }
    )


LENGTHS = {"visual": [5, 0, 1, 9, 30, 2], "lexical": [1, 1, 0, 1, 1, 1]}


def inputs(source: Made, most: int = 8, held_bytes: int = 2**30) -> SequenceInputs:
    dims = {name: many[0].shape[1] for name, many in source.frames.items()}
    n = len(source.frames["visual"])
    return SequenceInputs(source, dims, np.arange(n) % 3, 3, most, held_bytes)


def segmented(frames: np.ndarray, most: int) -> np.ndarray:
    """Each frame goes to the stretch that its place falls into; a stretch is its mean."""
    count = min(len(frames), most)
    stretch = np.array([place * count // len(frames) for place in range(len(frames))], int)
    return np.array([frames[stretch == k].mean(axis=0) for k in range(count)]).reshape(
        -1, frames.shape[1]
    )


@given(
    lengths=st.lists(st.integers(0, 25), min_size=1, max_size=6),
    most=st.integers(1, 12),
    slab=st.integers(1, 30),
    data=st.data(),
)
@settings(deadline=None)
def test_segments_are_means_of_equal_stretches(
    lengths: list[int], most: int, slab: int, data: st.DataObject
) -> None:
    source = made({"visual": lengths})
    source.slab = slab
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1)))
    modality = Modality(source, "visual", 2, most, source.sequence_lengths("visual"))
    expected = [segmented(source.frames["visual"][row], most) for row in rows]
    np.testing.assert_allclose(
        modality.segments(rows), np.concatenate(expected), rtol=1e-4, atol=1e-4
    )
    assert modality.counts.max() <= most


@pytest.mark.parametrize("block_bytes", [1, 2**25])
@pytest.mark.parametrize("held_bytes", [0, 2**30])
def test_the_scaler_is_that_of_all_segments_of_the_rows(
    held_bytes: int, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequences, "BLOCK_BYTES", block_bytes)
    source = made(LENGTHS)
    for rows in (np.array([4, 0, 3]), np.array([1, 2, 5]), np.arange(6)):
        scaler = inputs(source, held_bytes=held_bytes).scaler(rows)
        means, scales = [], []
        for several in source.frames.values():
            every = np.concatenate([segmented(several[row], 8) for row in rows])
            means.append(every.mean(axis=0))
            scales.append(every.std(axis=0))
        np.testing.assert_allclose(scaler.mean, np.concatenate(means), rtol=1e-5)
        np.testing.assert_allclose(scaler.scale, np.concatenate(scales), rtol=1e-5)


def test_what_is_constant_is_centred_and_what_is_missing_is_nothing() -> None:
    source = made({"visual": [3, 2, 0], "lexical": [0, 0, 4]})
    for sequence in source.frames["visual"]:
        sequence[:, 1] = 0.1
    scaler = inputs(source).scaler(np.array([0, 1]))
    assert scaler.scale[1] == 1
    np.testing.assert_allclose(scaler.mean[1], 0.1, rtol=1e-6)
    assert np.isposinf(scaler.scale[2:]).all()


def given_rows(of: SequenceInputs, rows: list[int], fitted: list[int]) -> Sequences:
    scaler = of.scaler(np.array(fitted))
    mean, inverse = torch.from_numpy(scaler.mean), torch.from_numpy(1 / scaler.scale)
    (found,) = of.feed("cpu").given(
        torch.tensor([rows]), mean.view(1, 1, -1), inverse.view(1, 1, -1)
    )
    return found


def test_a_batch_is_padded_to_its_longest_row_and_standardised() -> None:
    source = made(LENGTHS)
    of = inputs(source)
    rows, scaler = [2, 4, 1, 0], of.scaler(np.array([0, 3, 4]))
    found = given_rows(of, rows, [0, 3, 4])
    assert [tuple(frames.shape) for frames in found.frames] == [(4, 8, 2), (4, 1, 3)]
    assert found.masks[0].sum(dim=1).tolist() == [1, 8, 0, 5]
    assert found.present.tolist() == [[True, False], [True, True], [False, True], [True, True]]
    for place, row in enumerate(rows):
        own = (segmented(source.frames["visual"][row], 8) - scaler.mean[:2]) / scaler.scale[:2]
        np.testing.assert_allclose(found.frames[0][place, : len(own)], own, rtol=1e-4, atol=1e-5)
        assert (found.frames[0][place, len(own) :] == 0).all()


def test_what_is_read_as_needed_is_what_would_be_held() -> None:
    held, read = inputs(made(LENGTHS)), inputs(made(LENGTHS), held_bytes=0)
    both = [given_rows(of, [5, 4, 4, 1, 0, 3], [0, 4]) for of in (held, read)]
    for ours, theirs in zip(*both, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_each_model_of_a_stack_gets_its_own_rows_and_scaler() -> None:
    of = inputs(made(LENGTHS))
    scalers = [of.scaler(np.array(rows)) for rows in ([0, 3], [4, 5])]
    mean = torch.stack([torch.from_numpy(scaler.mean) for scaler in scalers]).unsqueeze(1)
    inverse = torch.stack([torch.from_numpy(1 / scaler.scale) for scaler in scalers]).unsqueeze(1)
    both = of.feed("cpu").given(torch.tensor([[0, 2], [3, 3]]), mean, inverse)
    for found, rows, fitted in zip(both, ([0, 2], [3, 3]), ([0, 3], [4, 5]), strict=True):
        assert torch.equal(found.frames[0], given_rows(of, rows, fitted).frames[0])


@given(n=st.integers(1, 200), batch_size=st.integers(1, 40), seed=st.integers(0, 5), data=st.data())
@settings(deadline=None, max_examples=40)
def test_every_row_is_in_one_batch_and_counts_alike_within_it(
    n: int, batch_size: int, seed: int, data: st.DataObject
) -> None:
    lengths = data.draw(st.lists(st.integers(0, 60), min_size=n, max_size=n))
    of = inputs(made({"visual": lengths}), most=50)
    rows = np.flatnonzero(np.arange(n) % 3 != 1)
    batches = of.epoch(rows, batch_size, np.random.default_rng(seed))
    assert sorted(row for batch in batches for row in batch.rows) == rows.tolist()
    for batch in batches:
        assert len(batch.rows) <= batch_size
        np.testing.assert_allclose(batch.shares, 1 / len(batch.rows))
    places = np.concatenate([*of.chunks(rows), np.empty(0, int)])
    assert sorted(places) == list(range(len(rows)))


def test_rows_of_a_batch_are_of_similar_length_and_batches_in_random_order() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 256)
    of = inputs(made({"visual": lengths.tolist()}), most=200)
    batches = of.epoch(np.arange(256), 16, np.random.default_rng(0))
    padded = sum(len(batch.rows) * lengths[batch.rows].max() for batch in batches)
    assert padded < 1.1 * lengths.sum()  # in random order it would be nearly twice the sum
    longest = [lengths[batch.rows].max() for batch in batches]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.7


def test_no_two_epochs_have_the_same_batches() -> None:
    of = inputs(made({"visual": np.random.default_rng(0).integers(1, 200, 640).tolist()}))
    first, second = (of.epoch(np.arange(640), 16, np.random.default_rng(seed)) for seed in (0, 1))
    apart = [{tuple(sorted(batch.rows)) for batch in epoch} for epoch in (first, second)]
    assert not apart[0] & apart[1]


def test_rows_are_predicted_in_chunks_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequences, "CHUNK", 100)
    lengths = np.random.default_rng(0).integers(0, 80, 50)
    of = inputs(made({"visual": lengths.tolist(), "lexical": [1] * 50}), most=60)
    for places in of.chunks(np.arange(50)):
        padded = sum(modality.counts[places].max() for modality in of.modalities) * len(places)
        assert padded <= 100 or len(places) == 1


def test_hiding_leaves_one_modality_of_those_there_are() -> None:
    source = made({"visual": [3, 0, 2, 4] * 50, "lexical": [1, 1, 0, 1] * 50})
    of = inputs(source)
    found = given_rows(of, list(range(200)), [0, 1, 2, 3])
    before = found.present.clone()
    SequenceFeed(of, "cpu").hide([found], 0.6, [np.random.default_rng(0)])
    assert not (found.present & ~before).any()
    assert found.present.any(dim=1).all()
    both = before.all(dim=1)
    assert 0.2 < found.present[both].all(dim=1).float().mean() < 0.7
    for place, (frames, mask) in enumerate(zip(found.frames, found.masks, strict=True)):
        assert torch.equal(mask.any(dim=1), found.present[:, place])
        assert (frames[~mask] == 0).all()


@pytest.mark.parametrize("held_bytes", [0, 2**30])
def test_what_fits_is_read_once_and_what_does_not_once_and_then_batch_by_batch(
    held_bytes: int,
) -> None:
    source = made(LENGTHS)
    n_frames = sum(sum(many) for many in LENGTHS.values())
    of = inputs(source, held_bytes=held_bytes)
    for rows in ([0, 1, 3], [2, 4, 5]):
        given_rows(of, rows, rows)
    assert source.touched == (n_frames if held_bytes else 2 * n_frames)


def test_predicting_reads_each_row_once_and_holds_nothing() -> None:
    source = made(LENGTHS)
    of = inputs(source)
    zeros = torch.zeros(1, 1, 5)
    for places in of.chunks(np.array([0, 4])):
        of.feed("cpu").given(torch.from_numpy(places)[None] * 4, zeros, zeros + 1)
    assert source.touched == 5 + 30 + 1 + 1


@dataclass
class Long:
    """Four utterances of so many frames, which come and go."""

    n_frames: int

    def sequence_lengths(self, name: str) -> np.ndarray:  # noqa: ARG002
        return np.full(4, self.n_frames)

    def frame_slabs(self, name: str, rows: np.ndarray) -> Iterator[np.ndarray]:  # noqa: ARG002
        for _ in range(len(rows) * self.n_frames // 500):
            yield np.ones((500, 50), np.float32)


def test_memory_does_not_grow_with_frames() -> None:
    peaks = []
    for n_frames in (2_000, 20_000):
        of = SequenceInputs(Long(n_frames), {"visual": 50}, np.zeros(4, int), 2, 64, 0)
        tracemalloc.start()
        given_rows(of, [0, 1, 2, 3], [0, 1])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 20_000 * 50 * 4


@pytest.fixture(scope="module")
def stored(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("sequences") / "memr.h5"
    ingest(small_raw, path, IngestSettings(sequences=True), silent)
    with Store.open(path) as store:
        yield store


def mean_of_frames(data: Dataset, name: str, row: int) -> np.ndarray:
    slabs = list(data.frame_slabs(name, np.array([row])))
    return np.concatenate(slabs).mean(axis=0) if slabs else np.full(data.dims[name], np.nan)


@pytest.mark.parametrize("name", MODALITIES)
def test_frames_change_as_pooled_features_do(stored: Store, name: str) -> None:
    """By speaker, in an excerpt, with what is lost and what is added: their mean stays the mean."""
    data = open_dataset(stored, MODALITIES, by_speaker=["acoustic", "lexical"])
    rows = np.array([7, 3, 100, 3, 60])
    rng = np.random.default_rng(0)
    added = rng.normal(size=(5, data.dims[name])).astype(np.float32)
    excerpt = data.excerpt(rows, {"visual": rows == 100}, {name: added})
    for some in (data, excerpt):
        lengths, features = some.sequence_lengths(name), some.features([name])
        np.testing.assert_array_equal(lengths > 0, some.present[name])
        for row in range(len(some.ids)):
            mean = mean_of_frames(some, name, row)
            np.testing.assert_allclose(mean, features[row], rtol=1e-3, atol=1e-4)
