import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from memr_cli.evaluation.metrics import METRICS, confusion, per_class, scores

N_CLASSES = st.integers(1, 6)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    n_classes = draw(N_CLASSES)
    index = st.integers(0, n_classes - 1)
    rows = draw(st.lists(st.tuples(index, index), min_size=1, max_size=30))
    true, predicted = np.array(rows).T
    return true, predicted, n_classes


def as_floats(values: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}


@given(decisions())
def test_every_figure_is_that_of_scikit_learn(case: tuple[np.ndarray, np.ndarray, int]) -> None:
    true, predicted, n_classes = case
    classes = np.arange(n_classes)
    counts = confusion(true, predicted, n_classes)

    def f1(average: str) -> float:
        return sk.f1_score(true, predicted, labels=classes, average=average, zero_division=0)

    with warnings.catch_warnings():  # of classes that are never true, or a single class
        warnings.simplefilter("ignore", UserWarning)
        uar = sk.balanced_accuracy_score(true, predicted)
        assert np.array_equal(counts, sk.confusion_matrix(true, predicted, labels=classes))
    expected = {
        "f1_micro": f1("micro"),
        "accuracy": sk.accuracy_score(true, predicted),
        "uar": uar,
        "f1_macro": f1("macro"),
        "f1_weighted": f1("weighted"),
    }
    found = as_floats(scores(counts))
    assert tuple(found) == METRICS
    assert found == pytest.approx(expected, abs=1e-12)

    by_class = sk.precision_recall_fscore_support(
        true, predicted, labels=classes, zero_division=0, average=None
    )
    for values, reference in zip(per_class(counts).values(), by_class, strict=True):
        np.testing.assert_allclose(values, reference, atol=1e-12)


def test_leading_axes_are_scored_one_by_one() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (3, 2, 4, 4))
    together = scores(counts)
    for fold in range(3):
        for seed in range(2):
            alone = scores(counts[fold, seed])
            assert {n: together[n][fold, seed] for n in METRICS} == pytest.approx(as_floats(alone))
    assert per_class(counts)["f1"].shape == (3, 2, 4)


def test_without_rows_a_score_is_undefined_and_the_others_stand() -> None:
    counts = np.stack([np.zeros((2, 2)), np.eye(2)])
    for name, values in scores(counts).items():
        assert np.isnan(values[0]), name
        assert values[1] == 1, name


def test_weighted_counts_score_as_repeated_rows() -> None:
    true, predicted = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0])
    times = np.array([3, 1, 2, 0])
    weighted = sum(
        weight * confusion(true[[i]], predicted[[i]], 3) for i, weight in enumerate(times)
    )
    repeated = confusion(np.repeat(true, times), np.repeat(predicted, times), 3)
    assert as_floats(scores(np.asarray(weighted, float))) == pytest.approx(
        as_floats(scores(repeated))
    )


def test_rows_of_the_confusion_are_true_classes() -> None:
    assert confusion([0, 0, 1], [1, 1, 1], 3).tolist() == [[0, 2, 0], [0, 1, 0], [0, 0, 0]]
    assert confusion([0], [0], 2).dtype == np.int64
    assert confusion([], [], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(("true", "predicted"), [([0, 3], [0, 0]), ([0, 0], [-1, 0])])
def test_an_index_that_is_no_class_is_refused(true: list[int], predicted: list[int]) -> None:
    with pytest.raises(ValueError, match=r"classes in 0\.\.2"):
        confusion(true, predicted, 3)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1,\) and \(2,\)"):
        confusion([0], [0, 1], 2)
