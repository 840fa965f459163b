"""Low-rank multimodal fusion (Liu et al. 2018, Efficient Low-rank Multimodal Fusion).

Letters: B rows, D features, G modalities, H units, R rank, C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memr_cli.learning.hiding import Block
from memr_cli.learning.modules.gate import Encoders, Generator, Width, dropped, present_in


class LowRankTensor(nn.Module):
    """The product of all modalities, by factors of low rank.

    The outer product of the encodings, each with a 1 put before it, holds every product of units of
    any of the modalities. A weight tensor over it that is the sum of R outer products of vectors
    needs no such product: each modality is mapped by its own factors, these are multiplied unit by
    unit, and summed over the rank. A modality that is missing is a factor of 1: what it would be,
    were its encoding 0 and its own bias the 1.
    """

    def __init__(self, blocks: Sequence[Block], width: Width, rank: int, n_classes: int) -> None:
        super().__init__()
        hidden, self.rank, self.dropout = width.hidden, rank, width.dropout
        self.encoders = Encoders(blocks, width)
        factors = [nn.Linear(hidden, rank * hidden) for _ in blocks]
        self.ranks = nn.Linear(rank, 1)
        self.classes = nn.Linear(hidden, n_classes)
        # Products of values around 0 vanish; around 1, they start as a sum of modalities.
        for factor in factors:
            nn.init.ones_(factor.bias)
        self.factors = nn.ModuleList(factors)

    def forward(self, features: Tensor, generator: Generator) -> Tensor:
        """Scores (B, C) from standardised features (B, D)."""
        present = present_in(features, self.encoders.blocks)
        encoded = self.encoders(features, generator)  # (B, G, H)
        product = torch.ones(1, device=features.device)
        for g, factor in enumerate(self.factors):
            own = factor(encoded[:, g]).unflatten(1, (self.rank, -1))
            product = product * torch.where(present[:, g, None, None], own, 1.0)
        fused = self.ranks(product.transpose(1, 2)).squeeze(2)  # (B, H)
        scores: Tensor = self.classes(dropped(fused, self.dropout, generator))
        return scores
