"""Modality dropout: in training, modalities of an utterance are hidden at random.

A network that always has everything learns to lean on it, and fails where something is missing. So
each modality that a row has is hidden with some probability, and never all of them: at least one
stays (Neverova et al. 2016, ModDrop: Adaptive Multi-Modal Gesture Recognition).

Letters: M models, B batch rows, D input dims, G modalities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from memr_cli.learning.architecture import Generators


@dataclass(frozen=True)
class Block:
    """The columns of one modality: from `start` to below `end`.

    presence: the column that is 1 where the modality is present and 0 where not. None where there
    is none, and every row that is used has the modality.
    """

    start: int
    end: int
    presence: int | None = None


def staying(present: Tensor, probability: float, generators: Generators) -> Tensor:
    """(M, B, G) which modalities are not hidden, of those present (M, B, G); a generator a model.

    One that is present stays in every row that has any. What is missing may be said to stay.
    """
    drawn = np.empty(tuple(present.shape), np.float32)
    for model, generator in enumerate(generators):
        generator.random(dtype=np.float32, out=drawn[model])
    chances = torch.from_numpy(drawn).to(present.device).masked_fill_(~present, -1.0)
    stays = chances >= probability
    # The largest draw stays whatever it is. Where all that is present would be hidden, each is as
    # likely to have it; what is missing has none.
    return stays.scatter_(2, chances.argmax(dim=2, keepdim=True), value=True)


def hide(
    batch: Tensor, blocks: Sequence[Block], probability: float, generators: Generators
) -> None:
    """Hide modalities of a standardised batch (M, B, D) in place; a generator a model.

    What is hidden is 0, the training mean, and so is its presence column.
    """
    present = torch.ones(*batch.shape[:2], len(blocks), dtype=torch.bool, device=batch.device)
    for place, block in enumerate(blocks):
        if block.presence is not None:
            present[:, :, place] = batch[:, :, block.presence] != 0
    factors = staying(present, probability, generators).to(batch.dtype)
    for place, block in enumerate(blocks):
        factor = factors[:, :, place : place + 1]
        batch[:, :, block.start : block.end].mul_(factor)
        if block.presence is not None:
            batch[:, :, block.presence].mul_(factor.squeeze(2))
