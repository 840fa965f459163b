"""A network that reads an utterance among the turns of its dialogue.

Letters: L dialogues, T turns of the longest, Q parties, S turns of the longest, B rows to classify,
D features, F units of a fused utterance, G modalities, C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memr_cli.learning.inputs import Block
from memr_cli.learning.modules.fusion import GatedFusion
from memr_cli.learning.modules.layers import Generator, Recurrence, Width, dropped
from memr_cli.learning.turns import Turns


class Context(nn.Module):
    """Gated fusion of each turn, then two recurrent layers over turns; classes from all three.

    The first reads the turns of each speaker of a dialogue separately, the second all turns with
    the first's output, like the party states of Majumder et al. (2019, DialogueRNN). Speakers need
    not be known from training. With `causal`, a turn sees no later one.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        width: Width,
        memory: int,
        n_classes: int,
        *,
        causal: bool,
    ) -> None:
        super().__init__()
        self.dropout = width.dropout
        self.fusion = GatedFusion(blocks, width)
        n_fused = self.fusion.n_outputs
        self.party = Recurrence(n_fused, memory, causal=causal)
        self.dialogue = Recurrence(n_fused + self.party.n_outputs, memory, causal=causal)
        n_outputs = n_fused + self.dialogue.n_outputs + self.party.n_outputs
        self.classes = nn.Linear(n_outputs, n_classes)

    def forward(self, turns: Turns, generator: Generator) -> Tensor:
        """Scores (B, C) of the rows to classify."""
        fused, _ = self.fusion(turns.features, generator)  # (L, T, F)
        by_party = fused.flatten(0, 1)[turns.parties]  # (Q, S, F)
        own = self.party(by_party, turns.party_lengths).flatten(0, 1)[turns.in_party]
        own = own.unflatten(0, fused.shape[:2])  # (Q, S, …), then (L * T, …), then (L, T, …)
        both = torch.cat([fused, dropped(own, self.dropout, generator)], dim=2)
        around = self.dialogue(both, turns.lengths)  # (L, T, …)
        context = dropped(torch.cat([around, own], dim=2), self.dropout, generator)
        chosen = torch.cat([fused, context], dim=2).flatten(0, 1)[turns.places]  # (B, …)
        scores: Tensor = self.classes(chosen)
        return scores

    @torch.no_grad()
    def weights(self, turns: Turns) -> Tensor:
        """The weight of each modality (B, G) for the rows to classify."""
        weights: Tensor = self.fusion(turns.features, None)[1]
        return weights.flatten(0, 1)[turns.places]
