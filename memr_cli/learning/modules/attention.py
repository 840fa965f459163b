"""Attention over padded sequences: what transformers are made of.

Letters: B rows, T steps of the sequences that look, S steps of those looked at, H units.
"""

import math

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from memr_cli.learning.modules.gate import Generator, dropped, weights_among

HEADS = 4
"""Attention heads, or as many fewer as units can be shared out to."""


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.n_heads = math.gcd(hidden, HEADS)
        self.queries, self.keys, self.values, self.out = (
            nn.Linear(hidden, hidden) for _ in range(4)
        )

    def forward(self, looking: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H) what each step of `looking` (B, T, H) finds in `seen` (B, S, H).

        mask: (B, S), true for steps that are there. Where a row has none, nothing is found: 0.
        """
        some = mask.any(dim=1)
        # With nothing to look at, some versions of torch give 0 / 0: here it is padding that is
        # looked at, and what it finds is dropped.
        allowed = mask | ~some.unsqueeze(1)
        found = functional.scaled_dot_product_attention(
            self._by_head(self.queries(looking)),
            self._by_head(self.keys(seen)),
            self._by_head(self.values(seen)),
            attn_mask=allowed[:, None, None, :],
        )
        joined: Tensor = self.out(found.transpose(1, 2).flatten(2))
        return joined.masked_fill(~some[:, None, None], 0.0)

    def _by_head(self, values: Tensor) -> Tensor:
        """(B, heads, T, H / heads) from (B, T, H)."""
        n_rows, n_steps, _ = values.shape
        return values.view(n_rows, n_steps, self.n_heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then two layers for each step, each added to what enters it.

    Normalised before each, which needs no care for the learning rate (Xiong et al. 2020).
    """

    def __init__(self, hidden: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.before, self.between = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = Attention(hidden)
        self.first, self.second = nn.Linear(hidden, 2 * hidden), nn.Linear(2 * hidden, hidden)

    def forward(self, looking: Tensor, seen: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        """(B, T, H), from `looking` (B, T, H) and `seen` (B, S, H) with its mask (B, S)."""
        found = self.attention(self.before(looking), self.before(seen), mask)
        looking = looking + dropped(found, self.dropout, generator)
        inner = torch.relu(self.first(self.between(looking)))
        return looking + dropped(self.second(inner), self.dropout, generator)


class AttentionPooling(nn.Module):
    """The mean of steps, weighted by a softmax over learned scores (Bahdanau et al. 2015)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.scores = nn.Linear(hidden, 1)

    def forward(self, steps: Tensor, mask: Tensor) -> Tensor:
        """(B, H) from steps (B, T, H) with their mask (B, T); 0 where a row has none."""
        weights = weights_among(self.scores(steps).squeeze(2), mask)
        return torch.bmm(weights.unsqueeze(1), steps).squeeze(1)


def dropped_throughout(steps: Tensor, probability: float, generator: Generator) -> Tensor:
    """Steps (B, T, H) with units dropped out in training, the same in all steps of a row.

    As Gal and Ghahramani (2016): what one step lacks is not to be had from the next.
    """
    return steps * dropped(torch.ones_like(steps[:, :1]), probability, generator)


def positions(n_steps: int, hidden: int, device: torch.device) -> Tensor:
    """(T, H) sines, then cosines of steps, at wavelengths from 2 pi to 10,000 times that.

    As Vaswani et al. (2017), but for the order of units.
    """
    half = (hidden + 1) // 2
    rates = torch.exp(torch.arange(half, device=device) * (-math.log(10_000.0) / half))
    angles = torch.arange(n_steps, device=device).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :hidden]
