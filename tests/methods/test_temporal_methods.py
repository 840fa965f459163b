"""Methods over frames: what they need, and that the order of frames is what they learn from."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memr_cli.data.dataset import Dataset, open_dataset
from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.protocols import Fold
from memr_cli.methods.method import FoldTask, Need, TrainedMethod, WeighingMethod
from memr_cli.methods.registry import named, why_unsupported
from memr_cli.methods.temporal import SequenceSettings
from memr_cli.progress import silent
from memr_cli.vocabulary import Preset
from store.reader import Store
from store.utterances import Utterances
from store.writer import StoreWriter

NAMES = ("temporal-gru", "temporal-transformer", "crossmodal")
N, N_TRAIN, DIM = 160, 120, 3


def sequence(rng: np.random.Generator, label: int) -> np.ndarray:
    """Frames whose first dim rises in class 0 and falls in class 1; any order has the same mean."""
    n_frames = int(rng.integers(4, 9))
    frames = rng.normal(size=(n_frames, DIM))
    ramp = np.sort(frames[:, 0])
    frames[:, 0] = ramp if label == 0 else ramp[::-1]
    return frames.astype(np.float32)


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store where only the order of frames tells the class; some utterances lack a modality."""
    path = tmp_path_factory.mktemp("ordered") / "memr.h5"
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, N).tolist()
    utterances = Utterances.arrange(
        ids=[f"u{i:03d}" for i in range(N)],
        speakers=[f"s{i * 4 // N}" for i in range(N)],
        labels=labels,
        sessions=[None] * N,
        dialogues=[None] * N,
        turns=[None] * N,
        splits=[None] * N,
    )
    with StoreWriter(
        path, utterances, ("up", "down"), provenance={}, synthetic=True, sequences=True
    ) as writer:
        for name in ("visual", "acoustic"):
            writer.add_modality(name, DIM)
            for row, label in enumerate(utterances.label):
                frames = None if name == "acoustic" and row % 9 == 0 else sequence(rng, int(label))
                mean = None if frames is None else frames.mean(axis=0)
                writer.append(name, mean, 0 if frames is None else len(frames), frames)
        writer.finish()
    with Store.open(path) as store:
        yield store


@pytest.fixture(scope="module")
def data(ordered: Store) -> Dataset:
    return open_dataset(ordered, ("visual", "acoustic"))


def fold() -> tuple[Fold, np.ndarray]:
    rows = np.random.default_rng(1).permutation(N)
    train, test = np.sort(rows[:N_TRAIN]), np.sort(rows[N_TRAIN:])
    none = np.empty(0, np.int64)
    return Fold(0, test, train, train, none, (), (), (), ()), test


def trained(name: str) -> TrainedMethod:
    method = named(name)
    assert isinstance(method, TrainedMethod)
    return method


def learned(name: str, data: Dataset) -> tuple[TrainedMethod, Any, Any, np.ndarray]:
    method, (tested, test) = trained(name), fold()
    few = {"hidden": 16, "epochs": 12, "batch_size": 16, "learning_rate": 1e-2, "dropout": 0.0}
    settings = method.settings(Preset.DEFAULT, few)
    settings = replace(settings, warm_up=0, patience=None, refit=False)
    if isinstance(settings, SequenceSettings):
        settings = replace(settings, input_dropout=0.0)
    tasks = [FoldTask(tested, 0)]
    ((_, model),) = method.fit(data, tasks, settings, "cpu", silent)
    return method, settings, model, test


@pytest.mark.parametrize("name", NAMES)
def test_what_only_the_order_of_frames_tells_is_learned(name: str, data: Dataset) -> None:
    method, settings, model, test = learned(name, data)
    probabilities = method.predict(model.arrays, data, settings, test)
    assert (probabilities.argmax(axis=1) == data.columns.label[test]).mean() > 0.85
    turned = np.arange(len(test))[::-1]
    again = method.predict(model.arrays, data, settings, test[turned])
    np.testing.assert_allclose(again, probabilities[turned], atol=1e-5)
    if isinstance(method, WeighingMethod):
        weights = method.weights(model.arrays, data, settings, test)
        present = np.stack([data.present[name] for name in ("visual", "acoustic")], axis=1)[test]
        np.testing.assert_array_equal(weights > 0, present)
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


def test_pooled_features_do_not_tell_it(data: Dataset) -> None:
    method, settings, model, test = learned("early", data)
    probabilities = method.predict(model.arrays, data, settings, test)
    assert (probabilities.argmax(axis=1) == data.columns.label[test]).mean() < 0.7


@pytest.mark.parametrize("name", NAMES)
def test_frames_that_were_not_kept_are_asked_for(name: str) -> None:
    held: Any = SimpleNamespace(
        modalities=("visual", "lexical"), frameless=("visual",), has_dialogues=False
    )
    assert trained(name).needs == {Need.FRAMES}
    reason = why_unsupported(named(name), held)
    assert reason is not None
    assert "those of visual pooled only" in reason
    held.frameless = ()
    assert why_unsupported(named(name), held) is None


def test_one_modality_is_enough_for_time_and_too_few_to_look_across() -> None:
    for name in NAMES[:2]:
        assert trained(name).modalities(["visual"]) == ("visual",)
    with pytest.raises(UnsupportedError, match="crossmodal fuses at least two modalities"):
        trained("crossmodal").modalities(["visual"])


@pytest.mark.parametrize("name", NAMES)
def test_the_original_preset_trains_as_the_published_notebook_does(name: str) -> None:
    method = trained(name)
    settings = method.settings(Preset.ORIGINAL, {})
    assert (settings.optimizer, settings.epochs, settings.patience) == ("adam", 50, None)
    assert not settings.refit
    present = {"visual": np.array([True, True]), "acoustic": np.array([True, False])}
    assert method.usable(present, settings).tolist() == [True, False]
    default = method.settings(Preset.DEFAULT, {})
    assert method.usable(present, default).tolist() == [True, True]
