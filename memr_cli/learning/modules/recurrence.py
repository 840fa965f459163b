"""Recurrent layers over padded sequences.

Letters: L sequences, T steps of the longest, D inputs, H units.
"""

import torch
from torch import Tensor, nn


class Recurrence(nn.Module):
    """An LSTM (Hochreiter and Schmidhuber 1997), forward alone or in both directions.

    Padding stands behind a sequence's end, where a forward pass cannot see it. For the backward
    pass each sequence is turned round within its own length, so that padding stays behind.
    """

    def __init__(self, n_inputs: int, hidden: int, *, causal: bool) -> None:
        super().__init__()
        self.onward = nn.LSTM(n_inputs, hidden, batch_first=True)
        self.back = None if causal else nn.LSTM(n_inputs, hidden, batch_first=True)
        self.n_outputs = hidden if causal else 2 * hidden

    def forward(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """(L, T, H or 2H) of each step, from sequences (L, T, D) of lengths (L,)."""
        onward: Tensor = self.onward(sequences)[0]
        if self.back is None:
            return onward
        back: Tensor = self.back(turned(sequences, lengths))[0]
        return torch.cat([onward, turned(back, lengths)], dim=-1)


def turned(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Sequences (L, T, D) each turned round within its length (L,); padding stays."""
    steps = torch.arange(sequences.shape[1], device=sequences.device).expand(len(sequences), -1)
    ends = lengths.unsqueeze(1)
    order = torch.where(steps < ends, ends - 1 - steps, steps)
    return sequences.gather(1, order.unsqueeze(-1).expand_as(sequences))
