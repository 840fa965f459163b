"""Modalities hidden in training: what is hidden, and what it is good for."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from feed_forward import predict, train
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import memr_cli.learning.pooled as pooled
from memr_cli.learning.inputs import Block, hide
from memr_cli.learning.loop import NO_ROWS, Fitted, Task
from memr_cli.learning.module import ModuleArchitecture
from memr_cli.learning.networks import Architecture
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import silent

BLOCKS = (Block(0, 2, 6), Block(2, 3, 7), Block(3, 6, 8))
SETTINGS = TrainingSettings(
    hidden=16,
    optimizer="adam",
    learning_rate=1e-2,
    weight_decay=0.0,
    batch_size=16,
    dropout=0.0,
    averaging=0.0,
    epochs=12,
    patience=None,
    refit=False,
    presence_indicator=True,
)


def batch(present: np.ndarray) -> Tensor:
    """Rows (n, 9) of three modalities that are 5 where present (n, 3), and presence columns."""
    features = [
        5.0 * np.repeat(present[:, [place]], block.end - block.start, axis=1)
        for place, block in enumerate(BLOCKS)
    ]
    return torch.tensor(np.concatenate([*features, present], axis=1), dtype=torch.float32)


def generators(*seeds: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


@given(
    st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=12),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
)
def test_a_row_keeps_one_of_its_modalities_at_least_and_gains_none(
    rows: list[tuple[bool, bool, bool]], probability: float, seed: int
) -> None:
    present = np.array(rows)
    hidden = batch(present).unsqueeze(0)
    hide(hidden, BLOCKS, probability, generators(seed))
    left = hidden[0, :, 6:].numpy() == 1
    assert (left <= present).all()
    assert (left.any(axis=1) == present.any(axis=1)).all()
    # Features are 0 exactly where the presence column says so, and untouched elsewhere.
    assert torch.equal(hidden[0], batch(left))


def test_each_is_hidden_as_often_as_asked_and_any_may_be_the_one_that_stays() -> None:
    present = np.ones((20_000, 3), bool)
    hidden = batch(present).unsqueeze(0)
    hide(hidden, BLOCKS, 0.6, generators(0))
    left = hidden[0, :, 6:].numpy() == 1
    # All three would be hidden with 0.6**3, and then each stays with a third of that.
    expected = 0.4 + 0.6**3 / 3
    np.testing.assert_allclose(left.mean(axis=0), expected, atol=0.02)
    alone = left[left.sum(axis=1) == 1].mean(axis=0)
    np.testing.assert_allclose(alone, 1 / 3, atol=0.02)


def test_each_model_draws_from_its_own_generator() -> None:
    rows = batch(np.ones((30, 3), bool))
    together = torch.stack([rows, rows])
    hide(together, BLOCKS, 0.5, generators(1, 2))
    alone = rows.unsqueeze(0).clone()
    hide(alone, BLOCKS, 0.5, generators(2))
    assert torch.equal(alone[0], together[1])
    assert not torch.equal(together[0], together[1])


def test_without_presence_columns_rows_have_everything_and_may_lose_it_all_the_same() -> None:
    blocks = tuple(replace(block, presence=None) for block in BLOCKS)
    hidden = batch(np.ones((200, 3), bool)).unsqueeze(0)
    hide(hidden, blocks, 0.5, generators(3))
    assert (hidden[0, :, 6:] == 1).all()
    left = np.stack([hidden[0, :, block.start] == 5 for block in blocks])
    assert left.any(axis=0).all()
    assert not left.all(axis=1).any()


@pytest.fixture
def redundant() -> PooledInputs:
    """300 rows in 2 classes: one modality tells them at once, the other by whether signs agree."""
    rng = np.random.default_rng(0)
    signs = rng.choice([-1, 1], (300, 2))
    labels = (signs.prod(axis=1) > 0).astype(np.int64)
    clear = 6.0 * labels[:, None] + rng.normal(size=(300, 3))
    features = np.concatenate([clear, signs + 0.25 * rng.normal(size=(300, 2))], axis=1)
    features = np.concatenate([features, np.ones((300, 2))], axis=1).astype(np.float32)
    blocks = (Block(0, 3, 5), Block(3, 5, 6))
    return PooledInputs(features, labels, 2, n_raw=2, incomplete=False, blocks=blocks)


class Layered(nn.Module):
    """A network that does not stack."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(7, 16), nn.Linear(16, 2)

    def forward(self, inputs: Tensor, generator: np.random.Generator | None) -> Tensor:  # noqa: ARG002
        scores: Tensor = self.out(self.hidden(inputs).relu())
        return scores


def fitted(
    inputs: PooledInputs, probability: float, architecture: Architecture | None = None
) -> Fitted:
    settings = replace(SETTINGS, modality_dropout=probability)
    task = Task(np.arange(200), NO_ROWS, None, settings.epochs, (0,))
    ((_, model),) = train(inputs, [task], settings, "cpu", silent, "test", architecture)
    return model


@pytest.mark.parametrize("architecture", [None, ModuleArchitecture(Layered)])
def test_who_trained_with_it_loses_less_when_a_modality_is_missing(
    redundant: PooledInputs, architecture: Architecture | None
) -> None:
    lacking = redundant.features.copy()
    lacking[:, :3], lacking[:, 5] = np.nan, 0
    rows = np.arange(200, 300)
    right = {}
    for probability in (0.0, 0.5):
        model = fitted(redundant, probability, architecture).final
        for name, features in (("whole", redundant.features), ("lacking", lacking)):
            inputs = replace(redundant, features=features, incomplete=True)
            chances = predict(model.arrays, model.scaler, inputs, rows, architecture)
            right[name, probability] = (chances.argmax(axis=1) == inputs.labels[rows]).mean()
    assert min(right["whole", 0.0], right["whole", 0.5]) > 0.97
    assert right["lacking", 0.5] > 0.9
    assert right["lacking", 0.5] > right["lacking", 0.0] + 0.2


def test_without_it_nothing_is_drawn(
    redundant: PooledInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers are those of a training that knows nothing of modalities, bit for bit."""

    def refuse(*_: object) -> None:
        raise AssertionError("something was hidden")

    monkeypatch.setattr(pooled, "hide", refuse)
    ours = fitted(redundant, 0.0).final
    theirs = fitted(replace(redundant, blocks=()), 0.0).final
    for name, array in ours.arrays.items():
        np.testing.assert_array_equal(array, theirs.arrays[name])


def test_validation_hides_nothing(redundant: PooledInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch that something is hidden in is one that the network learns from."""
    seen = []
    monkeypatch.setattr(pooled, "hide", lambda batch, *_: seen.append(len(batch[0])))
    settings = replace(SETTINGS, modality_dropout=0.5, patience=2, epochs=3)
    task = Task(np.arange(64), np.arange(200, 300), None, 3, (0,))
    list(train(redundant, [task], settings, "cpu", silent, "test"))
    assert seen == [16] * (3 * 4)
