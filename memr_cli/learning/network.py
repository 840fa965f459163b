"""Several small feed-forward networks of one shape, computed side by side.

One network of this size keeps a processor busy for microseconds; the time goes into starting
operations. So the networks of all folds and seeds lie stacked in one tensor per layer, and one
batched product serves them all. The backward pass is written out: it is three lines a layer, and
writing gradients where they belong saves whole passes over the weights.

Letters: M models, B batch rows, D input dims, H units of a layer, C classes, P parameters of one
model, filled up to a multiple of BLOCK.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK = 1024
"""Each model's parameters are filled up to a multiple of this.

The optimiser works through all parameters a vector register at a time, and computes what is left
over at the end in another way, with other rounding. In whole blocks nothing is left over for one
thread, or a power of two, so a model's numbers do not depend on how many stand beside it.
"""


@dataclass(frozen=True)
class Layer:
    """One affine layer of M models: weight (M, D, H), bias (M, 1, H). Views of all parameters."""

    weight: Tensor
    bias: Tensor


class StackedNetworks:
    """M networks: input → hidden → ReLU → … → class scores, dropout after each ReLU.

    sizes: (D, H…, C). parameters: (M, P), and gradients alike once they are allocated.
    """

    def __init__(self, sizes: Sequence[int], parameters: Tensor, dropout: float = 0.0) -> None:
        self.sizes = tuple(sizes)
        self.dropout = dropout
        self.parameters = parameters
        self.layers = self._layers(parameters)
        self._gradients: list[Layer] = []

    @classmethod
    def initialised(
        cls, sizes: Sequence[int], generators: Sequence[np.random.Generator], dropout: float
    ) -> "StackedNetworks":
        """Fresh networks, one for each generator.

        Weights and biases are drawn from U(-1/√D, 1/√D), D being the layer's inputs: what
        `torch.nn.Linear` does. Each model draws from its own generator, so that it starts the
        same whatever stands beside it.
        """
        count = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
        filled = -(-count // BLOCK) * BLOCK
        made = cls(sizes, torch.zeros(len(generators), filled), dropout)
        for layer in made.layers:
            bound = layer.weight.shape[1] ** -0.5
            for model, generator in enumerate(generators):
                for part in (layer.weight[model], layer.bias[model]):
                    drawn = generator.random(tuple(part.shape), dtype=np.float32)
                    part.copy_(torch.from_numpy(drawn)).mul_(2 * bound).sub_(bound)
        return made

    @classmethod
    def of_weights(cls, weights: Sequence[NDArray[np.float32]]) -> "StackedNetworks":
        """One network, M = 1, of the weights that `weights_of` gave."""
        sizes = (weights[0].shape[0], *(bias.shape[0] for bias in weights[1::2]))
        flat = np.concatenate([array.reshape(-1) for array in weights])
        return cls(sizes, torch.from_numpy(flat).unsqueeze(0))

    def select(self, models: Sequence[int]) -> "StackedNetworks":
        """Copies of some of the networks, stacked in the order given."""
        return StackedNetworks(self.sizes, self.parameters[list(models)], self.dropout)

    def allocate_gradients(self) -> None:
        """Give the parameters the `grad` that `backward` writes into."""
        self.parameters.grad = torch.zeros_like(self.parameters)
        self._gradients = self._layers(self.parameters.grad)

    def _layers(self, flat: Tensor) -> list[Layer]:
        """Views of (M, P): weight and bias of each layer, one behind the other."""
        layers, start = [], 0
        for inputs, outputs in pairwise(self.sizes):
            middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
            weight = flat[:, start:middle].view(len(flat), inputs, outputs)
            layers.append(Layer(weight, flat[:, middle:end].unsqueeze(1)))
            start = end
        return layers

    def forward(
        self, inputs: Tensor, generators: Sequence[np.random.Generator] | None = None
    ) -> list[Tensor]:
        """What enters each layer, then the class scores: inputs (M, B, D) … scores (M, B, C).

        With `generators`, one a model, units are dropped out (training); without, none are.
        """
        values = [inputs]
        for depth, layer in enumerate(self.layers):
            output = torch.baddbmm(layer.bias, values[-1], layer.weight)  # (M, B, H)
            if depth < len(self.layers) - 1:
                output.relu_()
                if self.dropout and generators is not None:
                    output.mul_(self._kept(output.shape, generators))
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

    def _kept(self, shape: torch.Size, generators: Sequence[np.random.Generator]) -> Tensor:
        """A dropout mask (M, B, H): 0 for a dropped unit, 1/(1-p) for a kept one."""
        drawn = np.empty(shape, np.float32)
        for model, generator in enumerate(generators):
            generator.random(dtype=np.float32, out=drawn[model])
        return (torch.from_numpy(drawn) >= self.dropout).float().div_(1 - self.dropout)

    def weights_of(self, model: int) -> list[NDArray[np.float32]]:
        """A copy of one model's weights: weight (D, H), bias (H,) of each layer in turn."""
        return [
            part.numpy().copy()
            for layer in self.layers
            for part in (layer.weight[model], layer.bias[model, 0])
        ]
