from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from memr_cli.errors import UnsupportedError
from memr_cli.learning.settings import TrainingSettings
from memr_cli.learning.training import Inputs, Task, Trained, predict, train
from memr_cli.progress import silent

SETTINGS = TrainingSettings(
    hidden=16,
    optimizer="adam",
    learning_rate=1e-2,
    weight_decay=0.0,
    batch_size=8,
    dropout=0.0,
    averaging=0.0,
    epochs=6,
    patience=None,
    refit=False,
    presence_indicator=False,
)
NOBODY = np.empty(0, np.int64)


@pytest.fixture
def blobs() -> Inputs:
    """120 rows of 5 dims in 3 classes that lie apart, but not entirely."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 120)
    features = rng.normal(size=(120, 5)) + 1.2 * np.eye(3, 5)[labels]
    return Inputs(features.astype(np.float32), labels.astype(np.int32), 3)


def trained(inputs: Inputs, tasks: Sequence[Task], settings: TrainingSettings) -> list[Trained]:
    models = dict(train(inputs, tasks, settings, silent, "test"))
    return [models[place] for place in range(len(tasks))]


def task(rows: range, validation: range = range(0), epochs: int = 6, seed: int = 0) -> Task:
    return Task(np.array(rows), np.array(validation, np.int64), epochs, (seed,))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_model_alone_and_among_others_comes_out_the_same(
    blobs: Inputs, dropout: float, averaging: float
) -> None:
    """Bit for bit, over hundreds of steps, with others of unequal size that stop earlier."""
    settings = replace(SETTINGS, dropout=dropout, averaging=averaging, patience=2)
    tasks = [
        task(range(37), range(100, 120), seed=1),
        task(range(90), epochs=2, seed=2),
        task(range(5, 64), range(90, 110), seed=3),
    ]
    together = trained(blobs, tasks, settings)
    for place, single in enumerate(tasks):
        (alone,) = trained(blobs, [single], settings)
        among = together[place]
        assert (alone.epochs, alone.best_epoch) == (among.epochs, among.best_epoch)
        for ours, theirs in zip(alone.weights, among.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_it_learns_what_can_be_learned(blobs: Inputs) -> None:
    (model,) = trained(blobs, [task(range(120), epochs=40)], SETTINGS)
    probabilities = predict(model.weights, model.scaler, blobs, np.arange(120))
    assert (probabilities.argmax(axis=1) == blobs.labels).mean() > 0.9
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_the_epoch_with_the_best_validation_score_is_kept(blobs: Inputs) -> None:
    """Trained for exactly that many epochs without validation, the model is the same."""
    settings = replace(SETTINGS, patience=3)
    rows, validation = range(30), range(60, 120)
    (chosen,) = trained(blobs, [task(rows, validation, epochs=25)], settings)
    assert chosen.epochs == min(25, chosen.best_epoch + 3)
    (as_long,) = trained(blobs, [task(rows, epochs=chosen.best_epoch)], settings)
    for ours, theirs in zip(chosen.weights, as_long.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    held_out = np.array(validation)
    predicted = predict(chosen.weights, chosen.scaler, blobs, held_out).argmax(axis=1)
    assert chosen.validation_score == pytest.approx((predicted == blobs.labels[held_out]).mean())


def test_without_validation_rows_the_last_epoch_is_kept(blobs: Inputs) -> None:
    (model,) = trained(blobs, [task(range(50), epochs=4)], replace(SETTINGS, patience=1))
    assert (model.epochs, model.best_epoch, model.validation_score) == (4, 4, None)


def test_the_loss_is_the_mean_over_the_rows_of_an_epoch(blobs: Inputs) -> None:
    """With steps too small to change anything, it is the cross-entropy of the first weights."""
    settings = replace(SETTINGS, learning_rate=1e-12)
    (model,) = trained(blobs, [task(range(21), epochs=1)], settings)
    probabilities = predict(model.weights, model.scaler, blobs, np.arange(21))
    expected = -np.log(probabilities[np.arange(21), blobs.labels[:21]]).mean()
    assert model.train_loss == pytest.approx(expected, rel=1e-5)


def test_rows_that_fill_up_the_last_batch_teach_nothing(blobs: Inputs) -> None:
    """9 rows in batches of 8 leave 7 places; in batches of 9, none. With one step each the same."""
    nine = Inputs(blobs.features[:9], blobs.labels[:9], 3)
    wide, exact = replace(SETTINGS, batch_size=16), replace(SETTINGS, batch_size=9)
    (padded,), (whole,) = (trained(nine, [task(range(9))], s) for s in (wide, exact))
    for ours, theirs in zip(padded.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_a_missing_modality_is_the_training_mean(blobs: Inputs) -> None:
    features = blobs.features.copy()
    features[::3, :2] = np.nan
    gaps = replace(blobs, features=features)
    (model,) = trained(gaps, [task(range(100))], SETTINGS)
    filled = features.copy()
    filled[::3, :2] = model.scaler.mean[:2]
    rows = np.arange(120)
    np.testing.assert_allclose(
        predict(model.weights, model.scaler, gaps, rows),
        predict(model.weights, model.scaler, replace(blobs, features=filled), rows),
        rtol=1e-5,
    )


def test_training_that_diverges_is_refused_with_the_remedy(blobs: Inputs) -> None:
    settings = replace(SETTINGS, learning_rate=1e30)
    with pytest.raises(UnsupportedError, match=r"diverged.*--learning-rate"):
        trained(blobs, [task(range(50))], settings)


def test_another_seed_gives_another_model(blobs: Inputs) -> None:
    first, second = trained(blobs, [task(range(50)), task(range(50), seed=1)], SETTINGS)
    assert not np.allclose(first.weights[0], second.weights[0])
