"""Whole dialogues, of which some turns are asked for.

A row is given with all turns of its dialogue in order, labelled or not, trained on or tested: their
features are context, and no label but those of the rows asked for is ever looked at.

Letters: N utterances, D features, M models in a stack, B rows of a batch, L dialogues of them, T
turns of the longest, Q parties of them (a party is all turns of one speaker in one dialogue), S
turns of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.data.dialogues import Dialogues
from memr_cli.data.scaling import Scaler
from memr_cli.evaluation.columns import NONE
from memr_cli.learning.architecture import Generators
from memr_cli.learning.hiding import hide
from memr_cli.learning.inputs import Batch, Rows
from memr_cli.learning.pooled import PooledFeed, PooledInputs

CHUNK = 32
"""Dialogues predicted together."""


@dataclass(frozen=True, eq=False)
class Turns:
    """What a network is given for B rows.

    features: (L, T, D), anything behind a dialogue's end; lengths: (L,) turns of each. places: (B,)
    where the rows are among the L * T turns. The same turns by party: parties: (Q, S) where they
    are, anything behind the end; party_lengths: (Q,); in_party: (L * T,) where each turn is among
    the Q * S, anything for what is no turn.
    """

    features: Tensor
    lengths: Tensor
    places: Tensor
    parties: Tensor
    party_lengths: Tensor
    in_party: Tensor


@dataclass(frozen=True, eq=False)
class DialogueInputs:
    """Vectors in the order of their dialogues, and of who speaks there.

    parties: dialogues taken apart by speaker.
    """

    pooled: PooledInputs
    dialogues: Dialogues
    parties: Dialogues

    @property
    def labels(self) -> NDArray[np.integer]:
        """(N,) class index, -1 unlabelled."""
        return self.pooled.labels

    @property
    def n_classes(self) -> int:
        """How many classes there are."""
        return self.pooled.n_classes

    @property
    def n_features(self) -> int:
        """D."""
        return self.pooled.n_features

    def scaler(self, rows: Rows) -> Scaler:
        """Means and spreads over rows; context counts nowhere."""
        return self.pooled.scaler(rows)

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """Whole dialogues in random order, `batch_size` in a batch; its rows count alike."""
        order = generator.permutation(np.unique(self.dialogues.of[rows]))
        batches = []
        for start in range(0, len(order), batch_size):
            inside = rows[np.isin(self.dialogues.of[rows], order[start : start + batch_size])]
            batches.append(Batch(inside, np.full(len(inside), 1 / len(inside), np.float32)))
        return batches

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Whole dialogues, those of like length together."""
        of = self.dialogues.of[rows]
        present = np.unique(of)
        ordered = present[np.argsort(self.dialogues.lengths[present], kind="stable")]
        return [
            np.flatnonzero(np.isin(of, ordered[start : start + CHUNK]))
            for start in range(0, len(ordered), CHUNK)
        ]

    def feed(self, device: str) -> "DialogueFeed":
        """The features on a device."""
        return DialogueFeed(self, self.pooled.feed(device))


@dataclass(frozen=True, eq=False)
class Gathered:
    """Some of all dialogues side by side.

    rows: (L, T) their turns, NONE behind the end. rank: by dialogue, its place among the L.
    lengths: (L,) turns of each.
    """

    whole: Dialogues
    rows: Rows
    rank: Rows
    lengths: Rows

    @classmethod
    def around(cls, whole: Dialogues, rows: Rows) -> "Gathered":
        """The dialogues of `rows`, as wide as the longest of them."""
        present = np.unique(whole.of[rows])
        rank = np.zeros(len(whole.lengths), np.int64)
        rank[present] = np.arange(len(present))
        return cls(whole, whole.turns(present), rank, whole.lengths[present])

    def places(self, rows: Rows) -> Rows:
        """Where rows, of any shape, are among the L * T; for NONE, anywhere."""
        places: Rows = self.rank[self.whole.of[rows]] * self.rows.shape[1] + self.whole.place[rows]
        return places


@dataclass(frozen=True, eq=False)
class DialogueFeed:
    """Dialogues with features on a device."""

    inputs: DialogueInputs
    pooled: PooledFeed

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> list[Turns]:
        """Each model's dialogues, standardised."""
        models = zip(rows, mean.unsqueeze(1), inverse.unsqueeze(1), strict=True)
        return [self._turns(own.cpu().numpy(), *scaling) for own, *scaling in models]

    def _turns(self, rows: Rows, mean: Tensor, inverse: Tensor) -> Turns:
        device = self.pooled.features.device
        dialogues = Gathered.around(self.inputs.dialogues, rows)
        turns = dialogues.rows.ravel()
        parties = Gathered.around(self.inputs.parties, turns[turns != NONE])
        shown = torch.from_numpy(np.maximum(turns, 0)).to(device)
        features = self.pooled.given(shown.unsqueeze(0), mean, inverse)[0]

        def there(numbers: Rows, below: int) -> Tensor:
            return torch.from_numpy(np.clip(numbers, 0, below - 1)).to(device)

        return Turns(
            features=features.view(*dialogues.rows.shape, -1),
            lengths=there(dialogues.lengths, turns.size + 1),
            places=there(dialogues.places(rows), turns.size),
            parties=there(dialogues.places(parties.rows), turns.size),
            party_lengths=there(parties.lengths, turns.size + 1),
            in_party=there(parties.places(turns), parties.rows.size),
        )

    def hide(self, given: Sequence[Turns], probability: float, generators: Generators) -> None:
        """Hide modalities of turns, those asked for and context alike."""
        for turns, generator in zip(given, generators, strict=True):
            flat = turns.features.view(1, -1, turns.features.shape[-1])
            hide(flat, self.inputs.pooled.blocks, probability, [generator])
