"""What training needs of the data, whatever networks are fed.

`Inputs` are numpy's, and know how rows are laid out in batches; the `Feed` that they make for a
device turns rows into what networks take.

Letters: N utterances, M models in a stack, B rows of a batch, D features, C classes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.learning.architecture import Generators

Rows = NDArray[np.int64]


class Batch(NamedTuple):
    """Rows (B,) that make one step, and how much each counts in it (B,).

    A row that only fills up the batch counts 0.
    """

    rows: Rows
    shares: NDArray[np.float32]


class Feed(Protocol):
    """The data on a device."""

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> Any:
        """What networks take for rows (M, B), standardised: what is missing is 0.

        mean, inverse of the scale: (M, 1, D).
        """
        ...

    def hide(self, given: Any, probability: float, generators: Generators) -> None:
        """Hide modalities at random in what was given, in place; a generator a model."""
        ...


class Inputs(Protocol):
    """What all models learn from."""

    @property
    def labels(self) -> NDArray[np.integer]:
        """(N,) class index, -1 for none."""
        ...

    @property
    def n_classes(self) -> int:
        """C."""
        ...

    @property
    def n_features(self) -> int:
        """D, how many features are standardised or left as they are."""
        ...

    def scaler(self, rows: Rows) -> Scaler:
        """What standardises the D features, from training rows."""
        ...

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """All rows in random order, in batches; the shares of one sum to 1."""
        ...

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Where in `rows` those lie that are predicted together: each place once."""
        ...

    def feed(self, device: str) -> Feed:
        """The data on a device, cpu or cuda."""
        ...
