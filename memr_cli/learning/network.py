"""Several small feed-forward networks of one shape, computed side by side.

One network of this size keeps a processor busy for microseconds; the time goes into starting
operations. So the networks of several folds and seeds lie stacked in one tensor per layer, and one
batched product serves them all. The backward pass is written out: it is three lines a layer, and
writing gradients where they belong saves whole passes over the weights.

Letters: M models, B batch rows, D input dims, H units of a layer, C classes, P parameters of one
model, filled up to a multiple of BLOCK.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.learning.architecture import Arrays, Generators
from memr_cli.learning.inputs import Inputs
from memr_cli.learning.settings import TrainingSettings

BLOCK = 1024
"""Each model's parameters are filled up to a multiple of this.

The optimiser works through a model's parameters a vector register at a time, and computes what is
left over at the end in another way, with other rounding. In whole blocks nothing is left over for
one thread, or a power of two, so that its numbers do not depend on how many threads there are.
"""


@dataclass(frozen=True)
class Layer:
    """One affine layer of M models: weight (M, D, H), bias (M, 1, H). Views of all parameters."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class FeedForwardArchitecture:
    """Input → hidden → ReLU → … → class scores, dropout after each ReLU. sizes: (D, H…, C)."""

    sizes: tuple[int, ...]
    dropout: float = 0.0
    together: bool = True

    @classmethod
    def of(cls, inputs: Inputs, settings: TrainingSettings) -> "FeedForwardArchitecture":
        """The network that settings describe: the second hidden layer is half the first."""
        hidden = settings.hidden
        sizes = (inputs.n_features, hidden, hidden // 2, inputs.n_classes)
        return cls(sizes, settings.dropout)

    @property
    def n_parameters(self) -> int:
        """P, filled up to whole blocks."""
        count = sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))
        return -(-count // BLOCK) * BLOCK

    def networks(self, parameters: Tensor) -> "StackedNetworks":
        """The M networks of these parameters (M, P), which they share."""
        return StackedNetworks(self.sizes, parameters, self.dropout)

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copies of one model's parameters (P,) by name: weight (D, H), bias (H,) of each layer."""
        layers = self.networks(parameters.unsqueeze(0)).layers
        return {
            f"layers.{depth}.{name}": part.cpu().numpy().copy()
            for depth, layer in enumerate(layers)
            for name, part in (("weight", layer.weight[0]), ("bias", layer.bias[0, 0]))
        }

    def flat(self, arrays: Arrays) -> Tensor:
        """The parameters (P,) that `named` gave."""
        parameters = torch.zeros(1, self.n_parameters)
        for depth, layer in enumerate(self.networks(parameters).layers):
            layer.weight[0] = torch.from_numpy(arrays[f"layers.{depth}.weight"])
            layer.bias[0, 0] = torch.from_numpy(arrays[f"layers.{depth}.bias"])
        return parameters[0]


class StackedNetworks:
    """M networks of one shape. parameters: (M, P), and gradients alike, which `backward` fills."""

    def __init__(self, sizes: Sequence[int], parameters: Tensor, dropout: float = 0.0) -> None:
        self.sizes = tuple(sizes)
        self.dropout = dropout
        self.parameters = parameters
        self.layers = self._layers(parameters)

    @cached_property
    def gradients(self) -> Tensor:
        """(M, P) what `backward` found. Networks that only predict never make it."""
        return torch.zeros_like(self.parameters)

    @cached_property
    def _gradients(self) -> list[Layer]:
        return self._layers(self.gradients)

    def _layers(self, flat: Tensor) -> list[Layer]:
        """Views of (M, P): weight and bias of each layer, one behind the other."""
        layers, start = [], 0
        for inputs, outputs in pairwise(self.sizes):
            middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
            weight = flat[:, start:middle].view(len(flat), inputs, outputs)
            layers.append(Layer(weight, flat[:, middle:end].unsqueeze(1)))
            start = end
        return layers

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Draw fresh weights for one model.

        Weights and biases come from U(-1/√D, 1/√D), D being the layer's inputs: what
        `torch.nn.Linear` does. Each model draws from its own generator, so that it starts the
        same whatever stands beside it.
        """
        for layer in self.layers:
            bound = layer.weight.shape[1] ** -0.5
            for part in (layer.weight[model], layer.bias[model]):
                drawn = generator.random(tuple(part.shape), dtype=np.float32)
                part.copy_(torch.from_numpy(drawn)).mul_(2 * bound).sub_(bound)

    def forward(self, given: Tensor, generators: Generators | None = None) -> list[Tensor]:
        """What enters each layer, then the class scores: vectors (M, B, D) … scores (M, B, C).

        With `generators`, one a model, units are dropped out (training); without, none are.
        """
        values = [given]
        for depth, layer in enumerate(self.layers):
            output = torch.baddbmm(layer.bias, values[-1], layer.weight)  # (M, B, H)
            if depth < len(self.layers) - 1:
                output.relu_()
                if self.dropout and generators is not None:
                    output.mul_(kept(output.shape, self.dropout, generators).to(output.device))
            values.append(output)
        return values

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients, from `forward`'s values and the gradient of the scores (M, B, C).

        The values are used up.
        """
        for depth in range(len(self.layers) - 1, -1, -1):
            layer, filled, entered = self.layers[depth], self._gradients[depth], values[depth]
            torch.bmm(entered.transpose(1, 2), gradient, out=filled.weight)
            torch.sum(gradient, dim=1, keepdim=True, out=filled.bias)
            if depth:
                gradient = torch.bmm(gradient, layer.weight.transpose(1, 2))
                # A unit passes its gradient on as it passed its value: not where ReLU or dropout
                # made it zero, and enlarged where dropout enlarged it.
                gradient.mul_(entered > 0)
                if self.dropout:
                    gradient.div_(1 - self.dropout)


def kept(shape: Sequence[int], dropout: float, generators: Generators) -> Tensor:
    """A dropout mask (M, …): 0 for a dropped unit, 1/(1-p) for a kept one; a generator a model."""
    drawn = np.empty(tuple(shape), np.float32)
    for model, generator in enumerate(generators):
        generator.random(dtype=np.float32, out=drawn[model])
    return (torch.from_numpy(drawn) >= dropout).float().div_(1 - dropout)
