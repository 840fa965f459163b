"""One vector per utterance: the pooled features of all modalities side by side.

Letters: N utterances, D features, M models in a stack, B rows of a batch, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.scaling import Scaler
from memr_cli.learning.inputs import Batch, Block, Rows, hide
from memr_cli.learning.networks import Generators

CHUNK = 1024
"""Rows predicted together."""


@dataclass(frozen=True, eq=False)
class PooledInputs:
    """Inputs of networks that read one vector per utterance.

    features: (N, D) float32, NaN where a modality is missing; may be a view of a wider matrix.
    labels: (N,) class index, -1 unlabelled. n_raw: the number of last features that are not
    standardised. incomplete: whether rows that are used may lack a modality. blocks: the columns of
    each modality that training may hide.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.integer]
    n_classes: int
    n_raw: int = 0
    incomplete: bool = True
    blocks: tuple[Block, ...] = ()

    @property
    def n_features(self) -> int:
        """D."""
        return int(self.features.shape[1])

    def scaler(self, rows: Rows) -> Scaler:
        """Fit a scaler on rows."""
        return Scaler.fitted(self.features, rows, self.n_raw)

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """Return batches in random order; rows of share 0 pad the last one."""
        size = min(batch_size, len(self.labels))
        n_steps = -(-len(rows) // size)
        order = generator.permutation(rows)
        filled = np.concatenate([order, np.repeat(order[:1], n_steps * size - len(rows))])
        shares = np.full(n_steps * size, 1 / size, np.float32)
        shares[-size:] = 1 / (len(rows) - (n_steps - 1) * size)
        shares[len(rows) :] = 0
        return [
            Batch(*parts)
            for parts in zip(filled.reshape(-1, size), shares.reshape(-1, size), strict=True)
        ]

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Group rows in their order."""
        return [
            np.arange(start, min(start + CHUNK, len(rows))) for start in range(0, len(rows), CHUNK)
        ]

    def feed(self, device: str) -> "PooledFeed":
        """Put the features on a device."""
        return PooledFeed(self, torch.from_numpy(self.features).to(device))


@dataclass(frozen=True, eq=False)
class PooledFeed:
    """features: (N, D) on the device."""

    inputs: PooledInputs
    features: Tensor

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> Tensor:
        """Return rows (M, B) standardised (M, B, D); 0, the training mean, where missing.

        Each fold has its own scaler. Standardising batch by batch saves a copy of all features per
        fold.
        """
        batch = self.features.index_select(0, rows.reshape(-1)).view(*rows.shape, -1)  # (M, B, D)
        batch.sub_(mean).mul_(inverse)
        return batch.nan_to_num_(0.0) if self.inputs.incomplete else batch

    def hide(self, given: Tensor, probability: float, generators: Generators) -> None:
        """Set hidden modalities to 0, the training mean, and their presence columns too."""
        hide(given, self.inputs.blocks, probability, generators)
