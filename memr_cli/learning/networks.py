"""Networks as the training loop sees them, whatever they look like inside.

Letters: M models, B batch rows, C classes, P parameters of one model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Arrays = Mapping[str, NDArray[np.float32]]
Generators = Sequence[np.random.Generator]


class Networks(Protocol):
    """M networks of one architecture. parameters, gradients: (M, P)."""

    @property
    def parameters(self) -> Tensor:
        """(M, P), which the optimiser changes in place."""
        ...

    @property
    def gradients(self) -> Tensor:
        """(M, P), which `backward` fills."""
        ...

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Draw fresh weights for one model from the generator."""
        ...

    def forward(self, given: Any, generators: Generators | None = None) -> list[Tensor]:
        """Compute values of which the last are the class scores (M, B, C).

        given: a batch as the feed makes it. generators: one per model, in training only; all
        randomness, such as dropout, comes from them.
        """
        ...

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients from `forward`'s values and the gradient of the scores (M, B, C)."""
        ...


class Architecture(Protocol):
    """The shape of a network, without its weights."""

    @property
    def together(self) -> bool:
        """Whether one operation serves several networks; if not, each trains by itself."""
        ...

    @property
    def n_parameters(self) -> int:
        """P."""
        ...

    def networks(self, parameters: Tensor) -> Networks:
        """M networks that share the memory of these parameters (M, P)."""
        ...

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copy one model's parameters (P,) into arrays by name."""
        ...

    def flat(self, arrays: Arrays) -> Tensor:
        """Return the parameters (P,) from which `named` made these arrays."""
        ...


def shapes_of(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shape of each array that `architecture.named` returns."""
    named = architecture.named(torch.zeros(architecture.n_parameters))
    return {name: array.shape for name, array in named.items()}


def dropout_mask(shape: Sequence[int], dropout: float, generators: Generators) -> Tensor:
    """A mask (M, …): 0 for a dropped unit, 1/(1-p) for a kept one; one generator per model."""
    drawn = np.empty(tuple(shape), np.float32)
    for model, generator in enumerate(generators):
        generator.random(dtype=np.float32, out=drawn[model])
    return (torch.from_numpy(drawn) >= dropout).float().div_(1 - dropout)
