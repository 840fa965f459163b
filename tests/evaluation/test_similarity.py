from collections.abc import Sequence

import numpy as np
import pytest
from evaluation_corpora import LOSO, SESSION, SPEAKER, columns, iemocap
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from memr_cli.evaluation import leakage, similarity
from memr_cli.evaluation.protocols import Fold, folds
from memr_cli.vocabulary import ProtocolName

CORPUS = iemocap(20)
"""200 utterances in five sessions."""
SESSIONS = folds(SESSION, CORPUS, validation=False)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def spread(n_dims: int) -> np.ndarray:
    return rng().standard_normal((200, n_dims)).astype(np.float32)


def near(features: np.ndarray, cut: Sequence[Fold] = SESSIONS) -> similarity.NearCopies:
    return similarity.near_copies(features, leakage.vector_codes(features, cut), cut, rng())


@given(hnp.arrays(np.float32, (8, 2), elements=st.sampled_from([0.0, -0.0, 1.0, np.nan])))
def test_identical_vectors_are_those_that_leakage_counts(features: np.ndarray) -> None:
    corpus = columns(list("aabbccdd"))
    cut = folds(SPEAKER, corpus, 3, validation=False)
    found = leakage.identical_vectors(leakage.vector_codes(features, cut), cut)
    assert found.share == leakage.identical(features, cut)["share"]
    assert found.n == int((~np.isnan(features).all(axis=1)).sum())


def brute_force(features: np.ndarray, cut: Sequence[Fold]) -> np.ndarray:
    """Every cosine at once, of standardised features."""
    taking_part = leakage.taking_part(cut)
    known = taking_part[~np.isnan(features[taking_part]).any(axis=1)]
    low, median, high = np.percentile(features[known], [5, 50, 95], axis=0)
    scaled = ((features - median) / (high - low)).clip(-3, 3)
    scaled -= scaled[known].mean(axis=0)
    units = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    cosines = np.nan_to_num(units @ units.T)
    found = np.zeros(len(features), np.bool_)
    for fold in cut:
        closest = cosines[np.ix_(fold.test, fold.train)] > 0.999
        same = (features[fold.test][:, None] == features[fold.train]).all(axis=2)
        found[fold.test] = closest.any(axis=1) & ~same.any(axis=1)
    return found


@pytest.mark.parametrize("block", [7, 1024])
@pytest.mark.parametrize("protocol", [SESSION, LOSO])
def test_near_copies_are_those_of_all_cosines_at_once(
    monkeypatch: pytest.MonkeyPatch, protocol: ProtocolName, block: int
) -> None:
    monkeypatch.setattr(similarity, "_BLOCK", block)
    features = spread(8)
    features[150:190:2] = features[:20] + 0.01 * rng().standard_normal((20, 8))
    features[100:105] = features[20:25]  # identical, and not to be counted again
    features[[5, 30, 160]] = np.nan
    cut = folds(protocol, CORPUS, validation=False)
    expected = brute_force(features, cut)
    found = near(features, cut)
    assert expected.sum() > 10
    np.testing.assert_array_equal(found.found, expected)
    assert found.n == 197
    assert found.share == expected.sum() / 197


def test_a_copy_within_one_side_is_none() -> None:
    features = spread(8)
    of_session = np.flatnonzero(CORPUS.session == 1)
    features[of_session[20:]] = features[of_session[:20]] + np.float32(0.005)
    assert near(features).share == 0


def test_features_that_are_never_negative_are_not_alike_for_that() -> None:
    features = np.abs(rng().standard_normal((200, 8))).astype(np.float32)
    features[:, 0] += 1000
    found = near(features)
    assert found.share == 0
    assert found.n == 200


def test_vectors_that_are_near_by_chance_are_not_judged() -> None:
    features = spread(3)
    found = near(features)
    assert (found.share, found.n) == (None, 0)
    assert found.by_chance is not None
    assert found.by_chance > similarity.BY_CHANCE
    assert found.reason is not None
    assert f"{100 * found.by_chance:.1f} % of vectors" in found.reason


@pytest.mark.parametrize("n_dims", [1, 2])
@pytest.mark.parametrize("n_dead", [0, 3])
def test_vectors_of_fewer_than_three_varying_dims_are_not_judged(n_dims: int, n_dead: int) -> None:
    features = spread(n_dims + n_dead)
    features[:, n_dims:] = 7
    found = near(features)
    assert (found.share, found.local_dims, found.by_chance) == (None, None, None)
    assert found.reason == f"dims that vary: {n_dims}, where cosines need 3"


def on_a_line() -> np.ndarray:
    """One number, written three times."""
    return np.repeat(rng().standard_normal((200, 1)), 3, axis=1).astype(np.float32)


def test_vectors_whose_spread_cannot_be_estimated_are_not_judged() -> None:
    found = near(on_a_line())
    assert (found.share, found.by_chance) == (None, None)
    assert found.reason == "how vectors spread around one another cannot be estimated"
    equally_far = np.eye(50, dtype=np.float32)
    assert similarity._by_chance(equally_far, rng()) is None


@pytest.mark.parametrize("wild", [1e5, -1e30])
@pytest.mark.parametrize("rows", [[199], [0, 50, 199]])
def test_wild_rows_make_no_others_alike_and_hide_no_copies(wild: float, rows: list[int]) -> None:
    features = spread(12)
    features[150:160] = features[:10] + 0.01 * rng().standard_normal((10, 12))
    before = near(features).found
    assert before.sum() > 15
    features[rows] = wild * rng().random((len(rows), 12))
    after = near(features).found
    calm = np.setdiff1d(np.arange(200), [*rows, 150])  # 150 repeats row 0
    np.testing.assert_array_equal(after[calm], before[calm])


def test_a_wild_row_makes_no_dims_alike() -> None:
    features = spread(8)
    features[:, 6] = 7 - 3 * features[:, 0]
    features[17] = 1e5 * (1 + rng().random(8))
    features[17, 6] = 7 - 3 * features[17, 0]
    assert np.flatnonzero(similarity.duplicates(features, 0.9999)).tolist() == [6]


def test_a_dim_that_hardly_ever_varies_counts_by_the_values_that_do() -> None:
    features = rng().standard_normal((1000, 4)).astype(np.float32)
    features[:, 3] = 0
    features[[3, 5, 9], 3] = [1, 2, 1e6]
    scaled = similarity._standardised(features, np.arange(1000))
    assert scaled[[3, 5, 9], 3] == pytest.approx([0.5, 1, 3], abs=0.01)


def test_the_share_that_is_near_by_chance_is_that_of_a_sphere() -> None:
    """A cap of angle a has I((sin a)^2; (d - 1) / 2, 1 / 2) / 2 of its surface."""
    from scipy.special import betainc

    directions = rng().standard_normal((4000, 5)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    estimated = similarity._by_chance(directions, rng())
    assert estimated is not None
    share, dims = estimated
    expected = 4000 * betainc(2, 0.5, 1 - similarity.COSINE**2) / 2
    assert dims == pytest.approx(4, rel=0.15)
    assert expected < share < 4 * expected  # to the safe side: k nearest lie unevenly


def test_one_direction_that_outweighs_all_others_hides_no_copies() -> None:
    """As features trained on labels are: most of their spread tells one class from another."""
    features = spread(12)
    features += 4 * np.repeat([1, -1], 100)[:, None]
    features[150:160] = features[:10] + 0.02 * rng().standard_normal((10, 12))
    found = near(features)
    assert found.by_chance is not None
    assert found.by_chance < similarity.BY_CHANCE
    assert found.found.sum() >= 16


def test_a_large_corpus_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "QUERIES", 50)
    features = spread(8)
    features[100:] = np.roll(features[:100], 20, axis=0) + np.float32(0.005)
    found = near(features)
    assert found.n == 50
    assert found.share is not None
    assert found.share > 0


@pytest.mark.parametrize("n_present", [0, 1, 5])
def test_too_few_vectors_are_not_judged(n_present: int) -> None:
    features = spread(8)
    features[n_present:] = np.nan
    found = near(features)
    assert found.share is None
    assert found.reason is not None


@pytest.mark.parametrize("block", [3, 1024])
def test_repeated_dims_are_those_with_a_correlation_of_one(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(similarity, "_BLOCK", block)
    features = rng().standard_normal((50, 8)).astype(np.float32)
    features[:, 4] = features[:, 1]
    features[:, 6] = 7 - 3 * features[:, 0]
    features[:, 7] = features[:, 2] + 0.1 * features[:, 3]
    features[:, 5] = 1  # never varies
    assert np.flatnonzero(similarity.duplicates(features, 0.9999)).tolist() == [4, 6]


def test_vectors_that_seem_to_spread_in_more_dims_than_there_are_are_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = spread(8)
    features[100:] = np.roll(features[:100], 20, axis=0) + np.float32(0.005)
    monkeypatch.setattr(similarity, "_by_chance", lambda *_: (0.0, 7.0))
    assert near(features).share
    monkeypatch.setattr(similarity, "_by_chance", lambda *_: (0.0, 9.0))
    assert near(features).share is None
