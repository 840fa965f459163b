"""Networks over the frames of each modality: encoders with a gate, and cross-modal attention.

Letters: B rows, T segments, G modalities, D features of a modality, H units, C classes.
"""

from collections.abc import Callable, Sequence
from itertools import permutations

import torch
from torch import Tensor, nn

from memr_cli.learning.modules.fusion import Gate
from memr_cli.learning.modules.layers import (
    AttentionBlock,
    AttentionPooling,
    Generator,
    Width,
    dropped,
    dropped_throughout,
    positions,
    reversed_within,
)
from memr_cli.learning.sequences import Sequences

N_BLOCKS = 1
"""Blocks of a transformer."""


class GRUEncoder(nn.Module):
    """A bidirectional gated recurrent unit (Cho et al. 2014) over the segments of a modality.

    The output combines the last state of both passes, which depends on order, and the weighted mean
    of all steps. Padding comes after a sequence's end, where no pass sees it: for the backward pass
    each sequence is reversed within its own length.
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
        lengths = mask.sum(dim=1)  # (B,)
        frames = dropped_throughout(frames, self.width.input_dropout, generator)
        entered = dropped(
            torch.relu(self.enter(frames)), self.width.dropout, generator
        )  # (B, T, H)
        passes = self.onward(entered)[0], self.back(reversed_within(entered, lengths))[0]
        last = (lengths - 1).clamp(min=0)
        rows = torch.arange(len(frames), device=frames.device)
        ends = [states[rows, last] for states in passes]  # (B, H / 2) each
        states = torch.cat([passes[0], reversed_within(passes[1], lengths)], dim=2)  # (B, T, H)
        pooled = self.pool(entered + states, mask)
        left: Tensor = torch.relu(self.leave(torch.cat([pooled, *ends], dim=1)))
        return dropped(left, self.width.dropout, generator)


class TransformerEncoder(nn.Module):
    """Self-attention over the segments of a modality, with their positions."""

    def __init__(self, dim: int, width: Width) -> None:
        super().__init__()
        self.width, hidden = width, width.hidden
        self.enter = nn.Linear(dim, hidden)
        self.blocks = nn.ModuleList(AttentionBlock(hidden, width.dropout) for _ in range(N_BLOCKS))
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
        """The weight of each modality (B, G)."""
        return self._fused(given, None)[1]

    def _fused(self, given: Sequences, generator: Generator) -> tuple[Tensor, Tensor]:
        """Encodings (B, G, H) and weights (B, G)."""
        each = [
            encoder(frames, mask, generator)
            for encoder, frames, mask in zip(self.encoders, given.frames, given.masks, strict=True)
        ]
        encoded = torch.stack(each, dim=1)
        return encoded, self.gate(encoded, given.present)


class CrossModal(nn.Module):
    """Each modality attends to every other one, then to the result; classes from all of them.

    After Tsai et al. (2019), Multimodal Transformer for Unaligned Multimodal Language Sequences,
    sized for small corpora. Unlike there, a step enters without its neighbours, all steps are
    pooled instead of taking the last, and there is one block instead of several. A single modality
    attends to itself.
    """

    def __init__(self, dims: Sequence[int], width: Width, n_classes: int) -> None:
        super().__init__()
        self.width, hidden = width, width.hidden
        n_others = max(1, len(dims) - 1)
        joined = hidden * n_others  # results of attending to each of the others, side by side
        self.enter = nn.ModuleList(nn.Linear(dim, hidden) for dim in dims)
        self.pairs = list(permutations(range(len(dims)), 2))  # who attends, and to whom
        self.across = nn.ModuleList(AttentionBlock(hidden, width.dropout) for _ in self.pairs)
        self.within = nn.ModuleList(AttentionBlock(joined, width.dropout) for _ in dims)
        self.norms = nn.ModuleList(nn.LayerNorm(joined) for _ in dims)
        self.pools = nn.ModuleList(AttentionPooling(joined) for _ in dims)
        self.classes = nn.Linear(joined * len(dims), n_classes)

    def forward(self, given: Sequences, generator: Generator) -> Tensor:
        """Scores (B, C). A missing modality contributes 0."""
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
        """Pool one modality's results (B, T, H) into (B, …); 0 where it is missing."""
        steps = torch.cat(list(found), dim=2)  # (B, T, H * others)
        steps = self.within[target](steps, steps, mask, generator)
        pooled: Tensor = self.pools[target](self.norms[target](steps), mask)
        return pooled
