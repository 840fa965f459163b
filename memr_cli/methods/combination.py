"""A method that combines the class probabilities of the unimodal classifiers.

Letters: n rows, M members, C classes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.fusion import Floats, Mask
from memr_cli.methods.fusion import at_least_two
from memr_cli.methods.method import Decision, Fitted
from memr_cli.methods.modalities import usable
from memr_cli.vocabulary import Preset

FEWEST_ROWS = 20
"""Fewer validation rows than this are taken to teach nothing."""

Learn = Callable[[Floats, Mask, NDArray[np.int64]], Fitted]
Join = Callable[[Floats, Mask, Fitted], Floats]


@dataclass(frozen=True)
class Combination:
    """Each present modality gives class probabilities, which `join` makes (n, C) of all.

    `learn` fits what `join` goes by, and is asked only where there are FEWEST_ROWS rows of two
    classes or more; it is None where there is nothing to learn. Where nothing is learned, `join`
    is given nothing.
    """

    name: str
    summary: str
    join: Join
    learn: Learn | None = None
    is_fusion: bool = True
    votes: bool = False

    @property
    def learns(self) -> bool:
        """Whether it is fitted on validation rows."""
        return self.learn is not None

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """A unimodal method for each modality. Raises UnsupportedError for fewer than two."""
        return at_least_two(self.name)(held)

    def usable(self, members_usable: Mask, preset: Preset) -> Mask:
        """(N,) where any member can say something; in the published notebook's way, where all can.

        members_usable: (M, N).
        """
        return usable(members_usable, any_will_do=preset is not Preset.ORIGINAL)

    def fit(self, probabilities: Floats, present: Mask, labels: NDArray[np.int64]) -> Fitted:
        """What n rows with labels (n,) teach about members' probabilities (M, n, C).

        Nothing, if they are too few or of one class.
        """
        if self.learn is None or labels.size < FEWEST_ROWS or np.unique(labels).size < 2:
            return {}
        return self.learn(probabilities, present, labels)

    def combine(self, probabilities: Floats, present: Mask, fitted: Fitted) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        joined = self.join(probabilities, present, fitted)
        return Decision(joined.argmax(axis=1), joined, np.zeros(len(joined), np.bool_))
