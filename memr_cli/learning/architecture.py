"""What the training loop needs of networks, whatever they look like inside.

Letters: M models, B batch rows, C classes, P parameters of one model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Arrays = Mapping[str, NDArray[np.float32]]
Generators = Sequence[np.random.Generator]


class Networks(Protocol):
    """M networks of one architecture. parameters: (M, P), and gradients alike."""

    @property
    def parameters(self) -> Tensor:
        """(M, P), changed in place by whoever trains."""
        ...

    @property
    def gradients(self) -> Tensor:
        """(M, P), what the last `backward` found."""
        ...

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Give one model fresh weights, all drawn from the generator."""
        ...

    def forward(self, given: Any, generators: Generators | None = None) -> list[Tensor]:
        """Values of which the last are the class scores (M, B, C), for what a feed gives.

        With `generators`, one a model, as in training, where all chance comes from them.
        """
        ...

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients, from `forward`'s values and the gradient of the scores."""
        ...


class Architecture(Protocol):
    """What networks look like, apart from their weights."""

    @property
    def together(self) -> bool:
        """Whether several networks are computed side by side; else each trains by itself."""
        ...

    @property
    def n_parameters(self) -> int:
        """P."""
        ...

    def networks(self, parameters: Tensor) -> Networks:
        """The M networks of these parameters (M, P), which they share."""
        ...

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copies of one model's parameters (P,) by name."""
        ...

    def flat(self, arrays: Arrays) -> Tensor:
        """The parameters (P,) that `named` gave."""
        ...
