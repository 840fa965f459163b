"""Attention between the frames of every two modalities, sized for small corpora.

After Tsai et al. (2019), Multimodal Transformer for Unaligned Multimodal Language Sequences.

Letters: B rows, T segments, G modalities, H units, C classes.
"""

from collections.abc import Sequence
from itertools import permutations

import torch
from torch import Tensor, nn

from memr_cli.learning.modules.attention import (
    AttentionPooling,
    Block,
    dropped_throughout,
    positions,
)
from memr_cli.learning.modules.gate import Generator, Width, dropped
from memr_cli.learning.sequences import Sequences


class CrossModal(nn.Module):
    """Each modality looks at every other one, then at what it found; classes from all of them.

    As published, but that a step enters by itself instead of with its neighbours (positions tell
    the order all the same), that all steps are pooled instead of the last one taken, and that
    there is one block where the publication has several. One modality alone looks at itself only.
    """

    def __init__(self, dims: Sequence[int], width: Width, n_classes: int) -> None:
        super().__init__()
        self.width, hidden = width, width.hidden
        n_others = max(1, len(dims) - 1)
        joined = hidden * n_others  # what a modality found in each of the others, side by side
        self.enter = nn.ModuleList(nn.Linear(dim, hidden) for dim in dims)
        self.pairs = list(permutations(range(len(dims)), 2))  # who looks, and at whom
        self.across = nn.ModuleList(Block(hidden, width.dropout) for _ in self.pairs)
        self.within = nn.ModuleList(Block(joined, width.dropout) for _ in dims)
        self.norms = nn.ModuleList(nn.LayerNorm(joined) for _ in dims)
        self.pools = nn.ModuleList(AttentionPooling(joined) for _ in dims)
        self.classes = nn.Linear(joined * len(dims), n_classes)

    def forward(self, given: Sequences, generator: Generator) -> Tensor:
        """Scores (B, C). A modality that is missing is 0 among what they are made of."""
        entered = [
            self._entered(enter, frames, generator)
            for enter, frames in zip(self.enter, given.frames, strict=True)
        ]
        found: list[list[Tensor]] = [[] for _ in entered]
        for (target, source), block in zip(self.pairs, self.across, strict=True):
            mask = given.masks[source]
            found[target].append(block(entered[target], entered[source], mask, generator))
        pooled = [
            self._pooled(target, found[target] or [steps], given.masks[target], generator)
            for target, steps in enumerate(entered)
        ]
        scores: Tensor = self.classes(
            dropped(torch.cat(pooled, dim=1), self.width.dropout, generator)
        )
        return scores

    def _entered(self, enter: nn.Module, frames: Tensor, generator: Generator) -> Tensor:
        steps = enter(dropped_throughout(frames, self.width.input_dropout, generator))
        steps = steps + positions(steps.shape[1], steps.shape[2], steps.device)
        return dropped(steps, self.width.dropout, generator)

    def _pooled(
        self, target: int, found: Sequence[Tensor], mask: Tensor, generator: Generator
    ) -> Tensor:
        """(B, …) what one modality comes to, from what it found (B, T, H); 0 where missing."""
        steps = torch.cat(list(found), dim=2)
        steps = self.within[target](steps, steps, mask, generator)
        pooled: Tensor = self.pools[target](self.norms[target](steps), mask)
        return pooled
