"""Encoders over the frames of each modality, then gated fusion.

Letters: B rows, T segments, G modalities, D features of a modality, H units, C classes.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from memr_cli.learning.modules.attention import (
    AttentionPooling,
    Block,
    dropped_throughout,
    positions,
)
from memr_cli.learning.modules.gate import Gate, Generator, Width, dropped
from memr_cli.learning.modules.recurrence import turned
from memr_cli.learning.sequences import Sequences

N_BLOCKS = 1
"""Blocks of a transformer, one upon the other."""


class GRUEncoder(nn.Module):
    """A bidirectional gated recurrent unit (Cho et al. 2014) over the segments of a modality.

    What comes out is made of where both passes end, which tells of order, and of the mean of all
    steps, weighted. Padding stands behind a sequence's end, where a pass cannot see it: for the
    backward pass each sequence is turned round within its own length.
    """

    def __init__(self, dim: int, width: Width) -> None:
        super().__init__()
        self.width, hidden = width, width.hidden
        self.enter = nn.Linear(dim, hidden)
        self.onward = nn.GRU(hidden, hidden // 2, batch_first=True)
        self.back = nn.GRU(hidden, hidden - hidden // 2, batch_first=True)
        self.pool = AttentionPooling(hidden)
        self.leave = nn.Linear(2 * hidden, hidden)

    def forward(self, frames: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """(B, H) from frames (B, T, D) with their mask (B, T)."""
        lengths = mask.sum(dim=1)
        frames = dropped_throughout(frames, self.width.input_dropout, generator)
        entered = dropped(torch.relu(self.enter(frames)), self.width.dropout, generator)
        passes = self.onward(entered)[0], self.back(turned(entered, lengths))[0]
        last = (lengths - 1).clamp(min=0)
        rows = torch.arange(len(frames), device=frames.device)
        ends = [states[rows, last] for states in passes]
        states = torch.cat([passes[0], turned(passes[1], lengths)], dim=2)
        pooled = self.pool(entered + states, mask)
        left: Tensor = torch.relu(self.leave(torch.cat([pooled, *ends], dim=1)))
        return dropped(left, self.width.dropout, generator)


class TransformerEncoder(nn.Module):
    """Self-attention over the segments of a modality, which carry their positions."""

    def __init__(self, dim: int, width: Width) -> None:
        super().__init__()
        self.width, hidden = width, width.hidden
        self.enter = nn.Linear(dim, hidden)
        self.blocks = nn.ModuleList(Block(hidden, width.dropout) for _ in range(N_BLOCKS))
        self.norm = nn.LayerNorm(hidden)
        self.pool = AttentionPooling(hidden)

    def forward(self, frames: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """(B, H) from frames (B, T, D) with their mask (B, T)."""
        steps = self.enter(dropped_throughout(frames, self.width.input_dropout, generator))
        steps = steps + positions(steps.shape[1], steps.shape[2], steps.device)
        steps = dropped(steps, self.width.dropout, generator)
        for block in self.blocks:
            steps = block(steps, steps, mask, generator)
        pooled: Tensor = self.pool(self.norm(steps), mask)
        return dropped(pooled, self.width.dropout, generator)


class Temporal(nn.Module):
    """An encoder for each modality → gate → classes."""

    def __init__(
        self,
        encoder: Callable[[int], nn.Module],
        dims: Sequence[int],
        hidden: int,
        n_classes: int,
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoder(dim) for dim in dims)
        self.gate = Gate(len(dims), hidden)
        self.classes = nn.Linear(hidden, n_classes)

    def forward(self, given: Sequences, generator: Generator) -> Tensor:
        """Scores (B, C)."""
        encoded, weights = self._fused(given, generator)
        scores: Tensor = self.classes((weights.unsqueeze(2) * encoded).sum(dim=1))
        return scores

    @torch.no_grad()
    def weights(self, given: Sequences) -> Tensor:
        """(B, G) the weight of each modality."""
        return self._fused(given, None)[1]

    def _fused(self, given: Sequences, generator: Generator) -> tuple[Tensor, Tensor]:
        """Encodings (B, G, H) and weights (B, G)."""
        each = [
            encoder(frames, mask, generator)
            for encoder, frames, mask in zip(self.encoders, given.frames, given.masks, strict=True)
        ]
        encoded = torch.stack(each, dim=1)
        return encoded, self.gate(encoded, given.present)
