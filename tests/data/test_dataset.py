"""What learning sees of a store: subsets, normalised features, rows that lose a modality."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from memr_cli.corpora.iemocap import kind_of
from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.vocabulary import Subset
from store.reader import Store

ALL = ("visual", "acoustic", "lexical")


@pytest.fixture
def opened(small_store: Path) -> Store:
    with Store.open(small_store) as store:
        yield store


def test_features_are_the_stores_with_columns_that_tell_presence(opened: Store) -> None:
    data = open_dataset(opened, ALL)
    matrix = data.features(ALL, presence=["acoustic", "lexical"])
    np.testing.assert_array_equal(matrix[:, :12], opened.pooled("visual"))
    np.testing.assert_array_equal(matrix[:, 12:20], opened.pooled("acoustic"))
    np.testing.assert_array_equal(matrix[:, -2], opened.present("acoustic"))
    np.testing.assert_array_equal(matrix[:, -1], opened.present("lexical"))
    assert matrix.shape[1] == 12 + 8 + 10 + 2


def test_what_methods_ask_for_most_is_not_copied(opened: Store) -> None:
    data = open_dataset(opened, ALL)
    whole = data.features(ALL, presence=data.incomplete)
    assert np.shares_memory(whole, data.features(["acoustic"]))


def test_rows_outside_a_subset_count_as_unlabelled(opened: Store) -> None:
    everything = open_dataset(opened, ALL).columns
    improvised = open_dataset(opened, ALL, Subset.IMPROVISED)
    kinds = [kind_of(improvised.ids[row]) for row in improvised.columns.labelled]
    assert set(kinds) == {Subset.IMPROVISED}
    scripted = open_dataset(opened, ALL, Subset.SCRIPTED).columns
    both = np.union1d(improvised.columns.labelled, scripted.labelled)
    np.testing.assert_array_equal(both, everything.labelled)
    assert 0 < len(kinds) < len(both)


def test_features_by_speaker_have_each_speakers_mean_and_spread(opened: Store) -> None:
    data = open_dataset(opened, ALL, by_speaker=["acoustic"])
    acoustic = data.features(["acoustic"]).astype(np.float64)
    for code in np.unique(data.columns.speaker):
        own = acoustic[data.columns.speaker == code]
        np.testing.assert_allclose(np.nanmean(own, axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(np.nanstd(own, axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(acoustic).all(axis=1), ~opened.present("acoustic"))
    np.testing.assert_array_equal(data.features(["lexical"]), opened.pooled("lexical"))
    np.testing.assert_array_equal(data.as_stored.features(["acoustic"]), opened.pooled("acoustic"))


def test_an_excerpt_lacks_what_it_is_to_lack_and_nothing_else(opened: Store) -> None:
    data = open_dataset(opened, ALL, by_speaker=["visual"])
    rows = np.array([7, 3, 100])
    lost = np.array([False, True, False])
    excerpt = data.excerpt(rows, {"visual": lost})
    assert isinstance(excerpt, Dataset)
    assert excerpt.ids == tuple(data.ids[row] for row in rows)
    assert excerpt.incomplete == data.incomplete
    np.testing.assert_array_equal(excerpt.columns.label, data.columns.label[rows])
    visual, before = excerpt.features(["visual"]), data.features(["visual"])[rows]
    assert np.isnan(visual[1]).all()
    np.testing.assert_array_equal(visual[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(excerpt.present["visual"], data.present["visual"][rows] & ~lost)
    np.testing.assert_array_equal(excerpt.features(["lexical"]), data.features(["lexical"])[rows])
    assert not np.isnan(data.features(["visual"])[3]).all()  # the whole is as it was


def test_only_labelled_rows_make_a_modality_incomplete(
    small_store: Path, reseal: Callable[[Path], None]
) -> None:
    with h5py.File(small_store, "r+") as file:
        labelled = file["utterances/label"][:] >= 0
        acoustic = file["features/acoustic"]
        acoustic["pooled"][:] = np.where(labelled[:, None], 1.0, np.nan)
        acoustic["present"][:] = labelled
        acoustic["frames"][:] = labelled
    reseal(small_store)
    with Store.open(small_store) as store:
        assert open_dataset(store, ALL).incomplete == ("visual", "lexical")
