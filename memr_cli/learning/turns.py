"""Whole dialogues, some of whose turns are to be classified.

Networks get a row with all turns of its dialogue in order, labelled or not, trained on or tested.
The features of the other turns are context; their labels are never read.

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
from memr_cli.learning.inputs import Batch, Rows, hide
from memr_cli.learning.networks import Generators
from memr_cli.learning.pooled import PooledFeed, PooledInputs

CHUNK = 32
"""Dialogues predicted together."""


@dataclass(frozen=True, eq=False)
class Turns:
    """The dialogues of B rows, as a module takes them. Padding has arbitrary values.

    features: (L, T, D); lengths: (L,) turns of each dialogue; places: (B,) indices of the rows
    among the L * T turns. parties: (Q, S) indices of each party's turns among the L * T;
    party_lengths: (Q,); in_party: (L * T,) index of each turn among the Q * S.
    """

    features: Tensor
    lengths: Tensor
    places: Tensor
    parties: Tensor
    party_lengths: Tensor
    in_party: Tensor


@dataclass(frozen=True, eq=False)
class DialogueInputs:
    """Inputs of networks that read whole dialogues. parties: dialogues split by speaker."""

    pooled: PooledInputs
    dialogues: Dialogues
    parties: Dialogues

    @property
    def labels(self) -> NDArray[np.integer]:
        """(N,) class index, -1 unlabelled."""
        return self.pooled.labels

    @property
    def n_classes(self) -> int:
        """C."""
        return self.pooled.n_classes

    @property
    def n_features(self) -> int:
        """D."""
        return self.pooled.n_features

    def scaler(self, rows: Rows) -> Scaler:
        """Fit a scaler on rows, without their context."""
        return self.pooled.scaler(rows)

    def epoch(self, rows: Rows, batch_size: int, generator: np.random.Generator) -> Sequence[Batch]:
        """Return batches of `batch_size` whole dialogues, in random order."""
        order = generator.permutation(np.unique(self.dialogues.of[rows]))
        batches = []
        for start in range(0, len(order), batch_size):
            inside = rows[np.isin(self.dialogues.of[rows], order[start : start + batch_size])]
            batches.append(Batch(inside, np.full(len(inside), 1 / len(inside), np.float32)))
        return batches

    def chunks(self, rows: Rows) -> Sequence[Rows]:
        """Group rows by whole dialogues of similar length."""
        of = self.dialogues.of[rows]
        present = np.unique(of)
        ordered = present[np.argsort(self.dialogues.lengths[present], kind="stable")]
        return [
            np.flatnonzero(np.isin(of, ordered[start : start + CHUNK]))
            for start in range(0, len(ordered), CHUNK)
        ]

    def feed(self, device: str) -> "DialogueFeed":
        """Put the features on a device."""
        return DialogueFeed(self, self.pooled.feed(device))


@dataclass(frozen=True, eq=False)
class Gathered:
    """Some of all dialogues, padded to the longest of them.

    rows: (L, T) their turns, NONE as padding. rank: by dialogue, its index among the L. lengths:
    (L,) turns of each.
    """

    whole: Dialogues
    rows: Rows
    rank: Rows
    lengths: Rows

    @classmethod
    def around(cls, whole: Dialogues, rows: Rows) -> "Gathered":
        """Gather the dialogues of `rows`."""
        present = np.unique(whole.of[rows])
        rank = np.zeros(len(whole.lengths), np.int64)
        rank[present] = np.arange(len(present))
        return cls(whole, whole.turns(present), rank, whole.lengths[present])

    def places(self, rows: Rows) -> Rows:
        """Indices of rows, of any shape, among the L * T; arbitrary for NONE."""
        places: Rows = self.rank[self.whole.of[rows]] * self.rows.shape[1] + self.whole.place[rows]
        return places


@dataclass(frozen=True, eq=False)
class DialogueFeed:
    """Dialogues with their features on a device."""

    inputs: DialogueInputs
    pooled: PooledFeed

    def given(self, rows: Tensor, mean: Tensor, inverse: Tensor) -> list[Turns]:
        """Return each model's dialogues, standardised."""
        models = zip(rows, mean.unsqueeze(1), inverse.unsqueeze(1), strict=True)
        return [self._turns(own.cpu().numpy(), *scaling) for own, *scaling in models]

    def _turns(self, rows: Rows, mean: Tensor, inverse: Tensor) -> Turns:
        device = self.pooled.features.device
        dialogues = Gathered.around(self.inputs.dialogues, rows)
        turns = dialogues.rows.ravel()
        parties = Gathered.around(self.inputs.parties, turns[turns != NONE])
        shown = torch.from_numpy(np.maximum(turns, 0)).to(device)  # (L * T,), padding as row 0
        features = self.pooled.given(shown.unsqueeze(0), mean, inverse)[0]  # (L * T, D)

        def there(numbers: Rows, below: int) -> Tensor:
            # Padding has no index; any that exists will do.
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
        """Hide modalities of all turns, also of context."""
        for turns, generator in zip(given, generators, strict=True):
            flat = turns.features.view(1, -1, turns.features.shape[-1])
            hide(flat, self.inputs.pooled.blocks, probability, [generator])
