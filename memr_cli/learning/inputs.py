"""The data that networks train on, whatever its shape, and modality dropout.

`Inputs` arrange rows in batches, with numpy. The `Feed` that they make for a device turns the rows
of a batch into tensors. `pooled`, `sequences` and `turns` implement both.

Letters: N utterances, M models in a stack, B rows of a batch, D features, G modalities, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.learning.networks import Generators

Rows = NDArray[np.int64]


class Batch(NamedTuple):
    """The rows (B,) of one step and the weight of each in the loss (B,).

    A row that only pads the batch has weight 0.
    """

    rows: Rows
    shares: NDArray[np.float32]


class Feed(Protocol):
    """The data on a device."""

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> Any:
        """Return what networks take for rows (M, B), standardised: missing features are 0.

        mean, inverse: of the features and of their scale, (M, 1, D).
        """
        ...

    def hide(self, given: Any, probability: float, generators: Generators) -> None:
        """Hide modalities at random, in place; one generator per model."""
        ...


class Inputs(Protocol):
    """The data that all models of one training share."""

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
        """D."""
        ...

    def scaler(self, rows: Rows) -> Scaler:
        """Fit the scaler of the D features on training rows."""
        ...

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """Return batches of all rows in random order; the shares of one batch sum to 1."""
        ...

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Return positions in `rows` that are predicted together, each position once."""
        ...

    def feed(self, device: str) -> Feed:
        """Put the data on a device, cpu or cuda."""
        ...


@dataclass(frozen=True)
class Block:
    """The columns of one modality: from `start` to below `end`.

    presence: the column that is 1 where the modality is present and 0 where it is missing. None
    where there is no such column, and every row that is used has the modality.
    """

    start: int
    end: int
    presence: int | None = None


def hide(
    batch: Tensor, blocks: Sequence[Block], probability: float, generators: Generators
) -> None:
    """Hide modalities of a standardised batch (M, B, D) in place; one generator per model.

    A hidden modality is 0, the training mean, and so is its presence column.
    """
    present = torch.ones(*batch.shape[:2], len(blocks), dtype=torch.bool, device=batch.device)
    for index, block in enumerate(blocks):
        if block.presence is not None:
            present[:, :, index] = batch[:, :, block.presence] != 0
    factors = visible(present, probability, generators).to(batch.dtype)  # (M, B, G)
    for index, block in enumerate(blocks):
        factor = factors[:, :, index : index + 1]  # (M, B, 1), over the modality's columns
        batch[:, :, block.start : block.end].mul_(factor)
        if block.presence is not None:
            batch[:, :, block.presence].mul_(factor.squeeze(2))


def visible(present: Tensor, probability: float, generators: Generators) -> Tensor:
    """Draw which modalities (M, B, G) stay visible, of those present (M, B, G).

    A network that always has every modality relies on that and fails where one is missing. So each
    present modality of a row is hidden with some probability, but never all of them (Neverova et
    al. 2016, ModDrop). The values of missing modalities have no meaning.
    """
    drawn = np.empty(tuple(present.shape), np.float32)
    for model, generator in enumerate(generators):
        generator.random(dtype=np.float32, out=drawn[model])
    chances = torch.from_numpy(drawn).to(present.device).masked_fill_(~present, -1.0)
    stays = chances >= probability
    # The largest draw always stays, so each present modality is equally likely to be the last one;
    # a missing one, at -1, never is.
    return stays.scatter_(2, chances.argmax(dim=2, keepdim=True), value=True)
