"""Layers that several networks share: dropout, attention, recurrence over padded sequences.

Letters: … any axes in front, B rows, T steps of a sequence, S steps of an attended sequence, D
inputs, G modalities, H units.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from memr_cli.learning.networks import dropout_mask

HEADS = 4
"""Attention heads, or the largest smaller number that divides both this and the units."""

Generator = np.random.Generator | None
"""The source of dropout in training; None outside training."""


@dataclass(frozen=True)
class Width:
    """The units of an encoder, and the share of units and of inputs dropped in training."""

    hidden: int
    dropout: float
    input_dropout: float


def dropped(values: Tensor, probability: float, generator: Generator) -> Tensor:
    """Drop units out where there is a generator."""
    if not probability or generator is None:
        return values
    mask = dropout_mask((1, *values.shape), probability, [generator])[0]
    return values * mask.to(values.device)


def dropped_throughout(steps: Tensor, probability: float, generator: Generator) -> Tensor:
    """Drop units of steps (B, T, H) out, the same in all steps of a row.

    One step then cannot make up for another (Gal and Ghahramani 2016).
    """
    return steps * dropped(torch.ones_like(steps[:, :1]), probability, generator)


def softmax_among(scores: Tensor, present: Tensor) -> Tensor:
    """The softmax of scores (…, G) among those present (…, G); 0 for others and if none is."""
    lowest = torch.finfo(scores.dtype).min
    return torch.softmax(scores.masked_fill(~present, lowest), dim=-1) * present


class Attention(nn.Module):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.n_heads = math.gcd(hidden, HEADS)
        self.queries, self.keys, self.values, self.out = (
            nn.Linear(hidden, hidden) for _ in range(4)
        )

    def forward(self, looking: Tensor, seen: Tensor, mask: Tensor) -> Tensor:
        """Attend from `looking` (B, T, H) to `seen` (B, S, H); returns (B, T, H).

        mask: (B, S), true for steps and false for padding. A row without steps gives 0.
        """
        some = mask.any(dim=1)  # (B,)
        # Without any step, some versions of torch compute 0 / 0. Such a row attends to its padding
        # instead, and the result is replaced by 0.
        allowed = mask | ~some.unsqueeze(1)
        found = functional.scaled_dot_product_attention(
            self._by_head(self.queries(looking)),
            self._by_head(self.keys(seen)),
            self._by_head(self.values(seen)),
            attn_mask=allowed[:, None, None, :],  # (B, heads, T, S)
        )
        joined: Tensor = self.out(found.transpose(1, 2).flatten(2))  # (B, T, H)
        return joined.masked_fill(~some[:, None, None], 0.0)

    def _by_head(self, values: Tensor) -> Tensor:
        """(B, heads, T, H / heads) from (B, T, H)."""
        n_rows, n_steps, _ = values.shape
        return values.view(n_rows, n_steps, self.n_heads, -1).transpose(1, 2)


class AttentionBlock(nn.Module):
    """Attention, then two layers for each step, each added to its input.

    Normalised before each, which trains at more learning rates (Xiong et al. 2020).
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
        """(B, H) from steps (B, T, H) with their mask (B, T); 0 for a row without steps."""
        weights = softmax_among(self.scores(steps).squeeze(2), mask)  # (B, T)
        return torch.bmm(weights.unsqueeze(1), steps).squeeze(1)  # (B, 1, T) @ (B, T, H)


def positions(n_steps: int, hidden: int, device: torch.device) -> Tensor:
    """(T, H) sines, then cosines of steps, at wavelengths from 2 pi to 10,000 times that.

    As in Vaswani et al. (2017), except the order of units.
    """
    half = (hidden + 1) // 2
    rates = torch.exp(torch.arange(half, device=device) * (-math.log(10_000.0) / half))
    angles = torch.arange(n_steps, device=device).unsqueeze(1) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :hidden]


class Recurrence(nn.Module):
    """An LSTM (Hochreiter and Schmidhuber 1997), forward only or in both directions.

    Padding comes after a sequence's end, where the forward pass cannot see it. For the backward
    pass each sequence is reversed within its own length, so that padding stays at the end.
    """

    def __init__(self, n_inputs: int, hidden: int, *, causal: bool) -> None:
        super().__init__()
        self.onward = nn.LSTM(n_inputs, hidden, batch_first=True)
        self.back = None if causal else nn.LSTM(n_inputs, hidden, batch_first=True)
        self.n_outputs = hidden if causal else 2 * hidden

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, H or 2H) from sequences (B, T, D) of lengths (B,)."""
        onward: Tensor = self.onward(sequences)[0]
        if self.back is None:
            return onward
        back: Tensor = self.back(reversed_within(sequences, lengths))[0]
        return torch.cat([onward, reversed_within(back, lengths)], dim=-1)


def reversed_within(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Reverse sequences (B, T, D) each within its length (B,); padding stays."""
    steps = torch.arange(sequences.shape[1], device=sequences.device).expand(len(sequences), -1)
    ends = lengths.unsqueeze(1)
    order = torch.where(steps < ends, ends - 1 - steps, steps)  # (B, T)
    return sequences.gather(1, order.unsqueeze(-1).expand_as(sequences))
