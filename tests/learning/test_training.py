from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from feed_forward import predict, train

from memr_cli.errors import UnsupportedError
from memr_cli.learning.loop import Fitted, Task, Trained
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import silent
from memr_cli.vocabulary import ClassWeights

T = TypeVar("T")
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


def fitted(inputs: PooledInputs, tasks: Sequence[Task], settings: TrainingSettings) -> list[Fitted]:
    models = dict(train(inputs, tasks, settings, "cpu", silent, "test"))
    return [models[place] for place in range(len(tasks))]


def trained(
    inputs: PooledInputs, tasks: Sequence[Task], settings: TrainingSettings
) -> list[Trained]:
    return [fit.final for fit in fitted(inputs, tasks, settings)]


def task(
    rows: range,
    validation: range = range(0),
    refit: range | None = None,
    epochs: int = 6,
    seed: int = 0,
) -> Task:
    again = None if refit is None else np.array(refit)
    return Task(np.array(rows), np.array(validation, np.int64), again, epochs, (seed,))


def assert_same(ours: Trained, theirs: Trained) -> None:
    assert (ours.epochs, ours.best_epoch) == (theirs.epochs, theirs.best_epoch)
    assert ours.arrays.keys() == theirs.arrays.keys()
    for name, array in ours.arrays.items():
        np.testing.assert_array_equal(array, theirs.arrays[name])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_model_alone_and_among_others_comes_out_the_same(
    blobs: PooledInputs, dropout: float, averaging: float
) -> None:
    """Bit for bit, over hundreds of steps, with others of unequal size that stop earlier."""
    settings = replace(SETTINGS, dropout=dropout, averaging=averaging, patience=2)
    tasks = [
        task(range(37), range(100, 120), range(70), seed=1),
        task(range(90), epochs=2, seed=2),
        task(range(5, 64), range(90, 110), seed=3),
    ]
    together = trained(blobs, tasks, settings)
    for place, single in enumerate(tasks):
        (alone,) = trained(blobs, [single], settings)
        assert_same(alone, together[place])


def test_it_learns_what_can_be_learned(blobs: PooledInputs) -> None:
    (model,) = trained(blobs, [task(range(120), epochs=40)], SETTINGS)
    probabilities = predict(model.arrays, model.scaler, blobs, np.arange(120))
    assert (probabilities.argmax(axis=1) == blobs.labels).mean() > 0.9
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_the_epoch_with_the_best_validation_score_is_kept(blobs: PooledInputs) -> None:
    """Trained for exactly that many epochs without validation, the model is the same."""
    settings = replace(SETTINGS, patience=3)
    rows, validation = range(30), range(60, 120)
    (chosen,) = trained(blobs, [task(rows, validation, epochs=25)], settings)
    assert chosen.epochs == min(25, chosen.best_epoch + 3)
    (as_long,) = trained(blobs, [task(rows, epochs=chosen.best_epoch)], settings)
    for name, array in chosen.arrays.items():
        np.testing.assert_array_equal(array, as_long.arrays[name])
    held_out = np.array(validation)
    predicted = predict(chosen.arrays, chosen.scaler, blobs, held_out).argmax(axis=1)
    assert chosen.validation_score == pytest.approx((predicted == blobs.labels[held_out]).mean())


def test_without_validation_rows_the_last_epoch_is_kept(blobs: PooledInputs) -> None:
    (model,) = trained(blobs, [task(range(50), epochs=4)], replace(SETTINGS, patience=1))
    assert (model.epochs, model.best_epoch, model.validation_score) == (4, 4, None)


def test_the_loss_is_the_mean_over_the_rows_of_an_epoch(blobs: PooledInputs) -> None:
    """With steps too small to change anything, it is the cross-entropy of the first weights."""
    settings = replace(SETTINGS, learning_rate=1e-12)
    (model,) = trained(blobs, [task(range(21), epochs=1)], settings)
    probabilities = predict(model.arrays, model.scaler, blobs, np.arange(21))
    expected = -np.log(probabilities[np.arange(21), blobs.labels[:21]]).mean()
    assert model.train_loss == pytest.approx(expected, rel=1e-5)


def test_rows_that_fill_up_the_last_batch_teach_nothing(blobs: PooledInputs) -> None:
    """9 rows in batches of 8 leave 7 places; in batches of 9, none. With one step each the same."""
    nine = PooledInputs(blobs.features[:9], blobs.labels[:9], 3)
    wide, exact = replace(SETTINGS, batch_size=16), replace(SETTINGS, batch_size=9)
    (padded,), (whole,) = (trained(nine, [task(range(9))], s) for s in (wide, exact))
    for name, array in padded.arrays.items():
        np.testing.assert_allclose(array, whole.arrays[name], rtol=1e-3, atol=1e-4)


def test_a_missing_modality_is_the_training_mean(blobs: PooledInputs) -> None:
    features = blobs.features.copy()
    features[::3, :2] = np.nan
    gaps = replace(blobs, features=features)
    (model,) = trained(gaps, [task(range(100))], SETTINGS)
    filled = features.copy()
    filled[::3, :2] = model.scaler.mean[:2]
    rows = np.arange(120)
    np.testing.assert_allclose(
        predict(model.arrays, model.scaler, gaps, rows),
        predict(model.arrays, model.scaler, replace(blobs, features=filled), rows),
        rtol=1e-5,
    )


def test_training_that_diverges_is_refused_with_the_remedy(blobs: PooledInputs) -> None:
    settings = replace(SETTINGS, learning_rate=1e30)
    with pytest.raises(UnsupportedError, match=r"diverged.*--learning-rate"):
        trained(blobs, [task(range(50))], settings)


def test_another_seed_gives_another_model(blobs: PooledInputs) -> None:
    first, second = trained(blobs, [task(range(50)), task(range(50), seed=1)], SETTINGS)
    assert not np.allclose(first.arrays["layers.0.weight"], second.arrays["layers.0.weight"])


def test_a_refit_sees_all_rows_for_as_many_epochs_as_were_chosen(blobs: PooledInputs) -> None:
    settings = replace(SETTINGS, patience=2)
    rows, validation, everything = range(40), range(80, 120), range(120)
    (fit,) = fitted(blobs, [task(rows, validation, everything, epochs=20)], settings)
    (selected,) = trained(blobs, [task(rows, validation, epochs=20)], settings)
    assert_same(fit.selected, selected)
    assert fit.final.epochs == fit.final.best_epoch == fit.selected.best_epoch
    np.testing.assert_allclose(fit.final.scaler.mean, blobs.features.mean(axis=0), rtol=1e-5)
    assert fit.final.validation_score is None


def test_without_a_refit_the_selected_model_is_the_final_one(blobs: PooledInputs) -> None:
    (fit,) = fitted(blobs, [task(range(40))], SETTINGS)
    assert fit.selected is fit.final


def test_every_epoch_is_told_of(blobs: PooledInputs) -> None:
    seen = []

    def counting(items: Iterable[T], *_: object, **__: object) -> Iterator[T]:
        for item in items:
            seen.append(item)
            yield item

    tasks = [task(range(30), epochs=4), task(range(90), epochs=5)]
    assert len(list(train(blobs, tasks, SETTINGS, "cpu", counting, "test"))) == 2
    assert len(seen) == 9


def test_complete_rows_need_no_filling_in(blobs: PooledInputs) -> None:
    (told,) = trained(replace(blobs, incomplete=False), [task(range(50))], SETTINGS)
    (untold,) = trained(replace(blobs, incomplete=True), [task(range(50))], SETTINGS)
    assert_same(told, untold)


def test_a_batch_larger_than_the_corpus_is_the_corpus(blobs: PooledInputs) -> None:
    """Nothing is laid out for rows that cannot be: a batch of this size would not fit anywhere."""
    settings = replace(SETTINGS, batch_size=10**12)
    (one,) = trained(blobs, [task(range(120))], settings)
    (same,) = trained(blobs, [task(range(120))], replace(SETTINGS, batch_size=120))
    assert_same(one, same)


def test_balanced_weights_let_a_rare_class_be_found() -> None:
    """Classes overlap, and one is rare: alone by frequency, it is hardly ever worth a decision."""
    rng = np.random.default_rng(0)
    labels = (np.arange(600) % 12 == 0).astype(np.int64)
    features = (labels[:, None] + rng.normal(size=(600, 4))).astype(np.float32)
    inputs = PooledInputs(features, labels, 2)
    found = {}
    for weights in ClassWeights:
        settings = replace(SETTINGS, class_weights=weights, batch_size=32)
        (model,) = trained(inputs, [task(range(300))], settings)
        decided = predict(model.arrays, model.scaler, inputs, np.arange(300, 600)).argmax(axis=1)
        found[weights] = decided[labels[300:] == 1].mean()
    assert found[ClassWeights.NONE] < 0.6
    assert found[ClassWeights.BALANCED] > found[ClassWeights.NONE] + 0.2
