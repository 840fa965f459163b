"""Networks written as torch modules, trained by the same loop."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from feed_forward import predict, train
from torch import Tensor, nn

from memr_cli.learning.feedforward import FeedForwardArchitecture
from memr_cli.learning.loop import NO_ROWS, Task
from memr_cli.learning.module import ModuleArchitecture
from memr_cli.learning.networks import dropout_mask
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.settings import TrainingSettings
from memr_cli.progress import silent

SETTINGS = TrainingSettings(
    hidden=8,
    optimizer="adamw",
    learning_rate=1e-2,
    weight_decay=1e-2,
    batch_size=16,
    dropout=0.0,
    averaging=0.9,
    epochs=5,
    patience=None,
    refit=False,
    presence_indicator=False,
)


class Gated(nn.Module):
    """What does not stack: the inputs decide how much of each hidden unit counts."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden, self.gate, self.out = nn.Linear(5, 8), nn.Linear(5, 8), nn.Linear(8, 3)
        self.dropout = dropout

    def forward(self, inputs: Tensor, generator: np.random.Generator | None) -> Tensor:
        gated = self.hidden(inputs).tanh() * self.gate(inputs).sigmoid()
        if self.dropout and generator is not None:
            gated = gated * dropout_mask((1, *gated.shape), self.dropout, [generator])[0]
        scores: Tensor = self.out(gated)
        return scores


class Layered(nn.Module):
    """The feed-forward network that stacks too."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(5, 8), nn.Linear(8, 4), nn.Linear(4, 3)])

    def forward(self, inputs: Tensor, generator: np.random.Generator | None) -> Tensor:  # noqa: ARG002
        for layer in self.layers[:-1]:
            inputs = layer(inputs).relu()
        scores: Tensor = self.layers[-1](inputs)
        return scores


def tasks() -> list[Task]:
    return [
        Task(np.arange(50), np.arange(90, 120), np.arange(120), 5, (1,)),
        Task(np.arange(30, 120), NO_ROWS, None, 4, (2,)),
    ]


def test_a_module_learns_and_predicts(blobs: PooledInputs) -> None:
    gated = ModuleArchitecture(Gated)
    task = Task(np.arange(120), NO_ROWS, None, 150, (0,))
    ((_, model),) = train(blobs, [task], SETTINGS, "cpu", silent, "test", gated)
    assert set(model.final.arrays) == {
        f"{layer}.{part}" for layer in ("hidden", "gate", "out") for part in ("weight", "bias")
    }
    chances = predict(model.final.arrays, model.final.scaler, blobs, np.arange(120), gated)
    assert (chances.argmax(axis=1) == blobs.labels).mean() > 0.8
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-6)


def test_a_module_alone_and_among_others_comes_out_the_same(blobs: PooledInputs) -> None:
    gated = ModuleArchitecture(lambda: Gated(0.3))
    together = dict(train(blobs, tasks(), SETTINGS, "cpu", silent, "test", gated))
    for place, task in enumerate(tasks()):
        torch.rand(place + 1)  # whatever else draws from torch's own generator
        ((_, alone),) = train(blobs, [task], SETTINGS, "cpu", silent, "test", gated)
        for name, array in alone.final.arrays.items():
            np.testing.assert_array_equal(array, together[place].final.arrays[name])


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_module_and_a_stack_of_the_same_shape_agree(
    blobs: PooledInputs, averaging: float
) -> None:
    """Autograd and the backward pass written out give the same training, from the same start."""
    start = ModuleArchitecture(Layered)
    stacked = FeedForwardArchitecture((5, 8, 4, 3))

    class SameStart(ModuleArchitecture):
        def fresh(self, generator: np.random.Generator) -> Tensor:
            drawn = stacked.networks(torch.zeros(1, stacked.n_parameters))
            drawn.initialise(0, generator)
            # torch's layers hold their weights the other way round
            arrays = stacked.named(drawn.parameters[0])
            return start.flat({n: np.ascontiguousarray(a.T) for n, a in arrays.items()})

    settings = replace(SETTINGS, averaging=averaging)
    ours = dict(train(blobs, tasks(), settings, "cpu", silent, "test", stacked))
    theirs = dict(train(blobs, tasks(), settings, "cpu", silent, "test", SameStart(Layered)))
    for place in range(2):
        for name, array in ours[place].final.arrays.items():
            other = theirs[place].final.arrays[name].T
            np.testing.assert_allclose(array, other, rtol=1e-3, atol=1e-4)


class Counting(nn.Module):
    """So large that threads of torch's own would seem worth while; notes how many there are."""

    seen: ClassVar[set[int]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.out = nn.Linear(5, 30_000), nn.Linear(30_000, 3)

    def forward(self, inputs: Tensor, generator: np.random.Generator | None) -> Tensor:  # noqa: ARG002
        self.seen.add(torch.get_num_threads())
        scores: Tensor = self.out(self.wide(inputs))
        return scores


def test_a_module_trains_on_one_thread_however_many_there_are(blobs: PooledInputs) -> None:
    """With others its sums would round otherwise, and its numbers depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one = [Task(np.arange(32), NO_ROWS, None, 1, (0,))]
        list(train(blobs, one, SETTINGS, "cpu", silent, "test", ModuleArchitecture(Counting)))
    finally:
        torch.set_num_threads(before)
    assert Counting.seen == {1}
