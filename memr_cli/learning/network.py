"""Several small feed-forward networks of one shape, computed side by side.

One network of this size keeps a processor busy for microseconds; the time goes into starting
operations. So the networks of all folds and seeds lie stacked in one tensor per layer, and one
batched product serves them all. The backward pass is written out: it is three lines a layer, and
writing gradients where they belong saves whole passes over the weights.

Letters: M models, B batch rows, D input dims, H units of a layer, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """One affine layer of M models: weight (M, D, H), bias (M, 1, H)."""

    weight: Tensor
    bias: Tensor


class StackedNetworks:
    """M networks: input → hidden → ReLU → … → class scores, dropout after each ReLU."""

    def __init__(self, layers: Sequence[Layer], dropout: float = 0.0) -> None:
        self.layers = list(layers)
        self.dropout = dropout

    @classmethod
    def initialised(
        cls, sizes: Sequence[int], generators: Sequence[np.random.Generator], dropout: float
    ) -> "StackedNetworks":
        """Fresh networks with layer widths `sizes` (D, H…, C), one for each generator.

        Weights and biases are drawn from U(-1/√D, 1/√D), D being the layer's inputs: what
        `torch.nn.Linear` does. Each model draws from its own generator, so that it starts the
        same whatever stands beside it.
        """
        layers = []
        for inputs, outputs in pairwise(sizes):
            bound = inputs**-0.5
            weight = torch.empty(len(generators), inputs, outputs)
            bias = torch.empty(len(generators), 1, outputs)
            for model, generator in enumerate(generators):
                for part in (weight[model], bias[model]):
                    drawn = generator.random(tuple(part.shape), dtype=np.float32)
                    part.copy_(torch.from_numpy(drawn)).mul_(2 * bound).sub_(bound)
            layers.append(Layer(weight, bias))
        return cls(layers, dropout)

    @classmethod
    def of_weights(cls, weights: Sequence[NDArray[np.float32]]) -> "StackedNetworks":
        """One network, M = 1, of the weights that `weights_of` gave."""
        tensors = [torch.from_numpy(array).unsqueeze(0) for array in weights]
        pairs = zip(tensors[::2], tensors[1::2], strict=True)
        return cls([Layer(weight, bias.unsqueeze(1)) for weight, bias in pairs])

    def select(self, models: Sequence[int]) -> "StackedNetworks":
        """Copies of some of the networks, stacked in the order given."""
        chosen = list(models)
        layers = [Layer(layer.weight[chosen], layer.bias[chosen]) for layer in self.layers]
        return StackedNetworks(layers, self.dropout)

    def allocate_gradients(self) -> None:
        """Give each parameter the `grad` that `backward` writes into."""
        for tensor in self.parameters():
            tensor.grad = torch.zeros_like(tensor)

    def parameters(self) -> list[Tensor]:
        """Every trainable tensor, first layer first."""
        return [tensor for layer in self.layers for tensor in (layer.weight, layer.bias)]

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
        """Fill each parameter's `grad`, from `forward`'s values and the scores' gradient (M, B, C).

        The values are used up.
        """
        for depth in range(len(self.layers) - 1, -1, -1):
            layer, entered = self.layers[depth], values[depth]
            torch.bmm(entered.transpose(1, 2), gradient, out=layer.weight.grad)
            torch.sum(gradient, dim=1, keepdim=True, out=layer.bias.grad)
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
