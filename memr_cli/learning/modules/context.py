"""An utterance among the turns of its dialogue.

Letters: L dialogues, T turns of the longest, Q parties, S turns of the longest, B rows asked for, D
features, F units of a fused utterance, G modalities, C classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from memr_cli.learning.hiding import Block
from memr_cli.learning.modules.gate import GatedFusion, Generator, dropped
from memr_cli.learning.modules.recurrence import Recurrence
from memr_cli.learning.turns import Turns


class Context(nn.Module):
    """Gated fusion of each turn, then recurrent layers over turns; classes from all three.

    One layer goes over all turns of a dialogue, another over the turns of each of its speakers by
    themselves: who speaks shapes what follows, as with the party states of Majumder et al. (2019,
    DialogueRNN), and no speaker needs to be known from training. The utterance itself goes past
    them too. With `causal`, a turn sees none that comes later.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        hidden: int,
        memory: int,
        dropout: float,
        n_classes: int,
        *,
        causal: bool,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.fusion = GatedFusion(blocks, hidden, dropout)
        n_fused = self.fusion.n_outputs
        self.dialogue = Recurrence(n_fused, memory, causal=causal)
        self.party = Recurrence(n_fused, memory, causal=causal)
        n_outputs = n_fused + self.dialogue.n_outputs + self.party.n_outputs
        self.classes = nn.Linear(n_outputs, n_classes)

    def forward(self, turns: Turns, generator: Generator) -> Tensor:
        """Scores (B, C) of the rows asked for."""
        fused, _ = self.fusion(turns.features, generator)  # (L, T, F)
        around = self.dialogue(fused, turns.lengths).flatten(0, 1)  # (L * T, …)
        by_party = fused.flatten(0, 1)[turns.parties]  # (Q, S, F)
        own = self.party(by_party, turns.party_lengths).flatten(0, 1)
        own = own[turns.in_party[turns.places]]  # (B, …)
        context = torch.cat([around[turns.places], own], dim=1)
        context = dropped(context, self.dropout, generator)
        scores: Tensor = self.classes(
            torch.cat([fused.flatten(0, 1)[turns.places], context], dim=1)
        )
        return scores

    @torch.no_grad()
    def weights(self, turns: Turns) -> Tensor:
        """(B, G) the weight of each modality of the rows asked for."""
        weights: Tensor = self.fusion(turns.features, None)[1]
        return weights.flatten(0, 1)[turns.places]
