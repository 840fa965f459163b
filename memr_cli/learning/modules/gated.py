"""Gated fusion of one utterance. Letters: B rows, D features, G modalities, C classes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memr_cli.learning.hiding import Block
from memr_cli.learning.modules.gate import GatedFusion, Generator, Width


class Gated(nn.Module):
    """Encoders → gate → classes."""

    def __init__(self, blocks: Sequence[Block], width: Width, n_classes: int) -> None:
        super().__init__()
        self.fusion = GatedFusion(blocks, width)
        self.classes = nn.Linear(self.fusion.n_outputs, n_classes)

    def forward(self, features: Tensor, generator: Generator) -> Tensor:
        """Scores (B, C) from standardised features (B, D)."""
        fused, _ = self.fusion(features, generator)
        scores: Tensor = self.classes(fused)
        return scores

    @torch.no_grad()
    def weights(self, features: Tensor) -> Tensor:
        """(B, G) the weight of each modality."""
        weights: Tensor = self.fusion(features, None)[1]
        return weights
