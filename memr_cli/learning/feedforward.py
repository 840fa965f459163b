"""Several small feed-forward networks of one shape, computed with one operation per layer.

One network of this size keeps a processor busy for microseconds; most time would go into starting
operations. So the weights of several folds and seeds are stacked in one tensor per layer, and one
batched product serves them all. The backward pass is written by hand: autograd over the same
forward pass gives the same numbers, and evaluating a small corpus takes a quarter longer with it.

Letters: M models, B batch rows, D input dims, H units of a layer, C classes, P parameters of one
model, padded to a multiple of BLOCK.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.learning.inputs import Inputs
from memr_cli.learning.networks import Arrays, Generators, dropout_mask
from memr_cli.learning.settings import TrainingSettings

BLOCK = 1024
"""Each model's parameters are padded to a multiple of this.

The optimiser processes parameters one vector register at a time, and the remainder at the end with
other rounding. Whole blocks leave no remainder for one thread or a power of two, so the numbers do
not depend on the number of threads.
"""


@dataclass(frozen=True)
class Layer:
    """One affine layer of M models: weight (M, D, H), bias (M, 1, H), views of (M, P)."""

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
        """The network for these settings: the second hidden layer is half the first."""
        hidden = settings.hidden
        sizes = (inputs.n_features, hidden, hidden // 2, inputs.n_classes)
        return cls(sizes, settings.dropout)

    @property
    def n_parameters(self) -> int:
        """P, in whole blocks."""
        count = sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.sizes))
        return -(-count // BLOCK) * BLOCK

    def networks(self, parameters: Tensor) -> "StackedNetworks":
        """M networks that share the memory of these parameters (M, P)."""
        return StackedNetworks(self.sizes, parameters, self.dropout)

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copy one model's parameters (P,) by name: weight (D, H) and bias (H,) of each layer."""
        layers = self.networks(parameters.unsqueeze(0)).layers
        return {
            f"layers.{depth}.{name}": part.cpu().numpy().copy()
            for depth, layer in enumerate(layers)
            for name, part in (("weight", layer.weight[0]), ("bias", layer.bias[0, 0]))
        }

    def flat(self, arrays: Arrays) -> Tensor:
        """Return the parameters (P,) from which `named` made these arrays."""
        parameters = torch.zeros(1, self.n_parameters)
        for depth, layer in enumerate(self.networks(parameters).layers):
            layer.weight[0] = torch.from_numpy(arrays[f"layers.{depth}.weight"])
            layer.bias[0, 0] = torch.from_numpy(arrays[f"layers.{depth}.bias"])
        return parameters[0]


class StackedNetworks:
    """M networks of one shape. parameters, gradients: (M, P)."""

    def __init__(self, sizes: Sequence[int], parameters: Tensor, dropout: float = 0.0) -> None:
        self.sizes = tuple(sizes)
        self.dropout = dropout
        self.parameters = parameters
        self.layers = self._layers(parameters)

    @cached_property
    def gradients(self) -> Tensor:
        """(M, P), filled by `backward`; never allocated for prediction."""
        return torch.zeros_like(self.parameters)

    @cached_property
    def _gradients(self) -> list[Layer]:
        return self._layers(self.gradients)

    def _layers(self, flat: Tensor) -> list[Layer]:
        """Views of (M, P): weight, then bias, of each layer in turn."""
        layers, start = [], 0
        for inputs, outputs in pairwise(self.sizes):
            middle, end = start + inputs * outputs, start + (inputs + 1) * outputs
            weight = flat[:, start:middle].view(len(flat), inputs, outputs)
            layers.append(Layer(weight, flat[:, middle:end].unsqueeze(1)))
            start = end
        return layers

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Draw fresh weights for one model.

        Weights and biases come from U(-1/√D, 1/√D), as in `torch.nn.Linear`. Each model draws from
        its own generator, so its start does not depend on the rest of the stack.
        """
        for layer in self.layers:
            bound = layer.weight.shape[1] ** -0.5
            for part in (layer.weight[model], layer.bias[model]):
                drawn = generator.random(tuple(part.shape), dtype=np.float32)
                part.copy_(torch.from_numpy(drawn)).mul_(2 * bound).sub_(bound)

    def forward(self, given: Tensor, generators: Generators | None = None) -> list[Tensor]:
        """Return the input of each layer, then the class scores (M, B, C).

        given: vectors (M, B, D). With `generators`, one per model, units are dropped (training).
        """
        values = [given]
        for depth, layer in enumerate(self.layers):
            # bias (M, 1, H) + (M, B, D) @ (M, D, H): each model multiplies its own batch
            output = torch.baddbmm(layer.bias, values[-1], layer.weight)  # (M, B, H)
            if depth < len(self.layers) - 1:
                output.relu_()
                if self.dropout and generators is not None:
                    mask = dropout_mask(output.shape, self.dropout, generators)
                    output.mul_(mask.to(output.device))
            values.append(output)
        return values

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients from `forward`'s values and the gradient of the scores (M, B, C)."""
        for depth in range(len(self.layers) - 1, -1, -1):
            layer, found, entered = self.layers[depth], self._gradients[depth], values[depth]
            # (M, D, B) @ (M, B, H), written to its place in (M, P) without another pass
            torch.bmm(entered.transpose(1, 2), gradient, out=found.weight)
            torch.sum(gradient, dim=1, keepdim=True, out=found.bias)  # over B
            if depth:
                gradient = torch.bmm(gradient, layer.weight.transpose(1, 2))  # (M, B, D)
                # `entered` is 0 where ReLU or dropout made it 0, and nothing flows back there.
                # Elsewhere dropout scaled it by 1/(1-p), and scales its gradient alike.
                gradient.mul_(entered > 0)
                if self.dropout:
                    gradient.div_(1 - self.dropout)
