"""Late fusion: the unimodal classifiers decide, each by itself, and their decisions vote."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.fusion import majority
from memr_cli.methods.method import Decision, Fitted
from memr_cli.methods.modalities import usable
from memr_cli.vocabulary import Preset


@dataclass(frozen=True)
class MajorityVote:
    """Each present modality casts one vote; ties go to the lowest class index."""

    name: str = "late"
    summary: str = "a majority vote of the unimodal classifiers"
    is_fusion: bool = True
    votes: bool = True
    learns: bool = False

    def members(self, held: Sequence[str]) -> tuple[str, ...]:
        """A unimodal method for each modality. Raises UnsupportedError for fewer than two."""
        if len(held) < 2:
            raise UnsupportedError(
                f"method late needs at least two voters, and the store holds {', '.join(held)}. "
                f"Use --method {held[0]}, or ingest a corpus with more modalities."
            )
        return tuple(held)

    def usable(self, members_usable: NDArray[np.bool_], preset: Preset) -> NDArray[np.bool_]:
        """(N,) where anyone can vote; in the published notebook's way, where all can."""
        return usable(members_usable, any_will_do=preset is not Preset.ORIGINAL)

    def fit(
        self,
        probabilities: NDArray[np.float64],  # noqa: ARG002 - the protocol's signature
        present: NDArray[np.bool_],  # noqa: ARG002
        labels: NDArray[np.int64],  # noqa: ARG002
    ) -> Fitted:
        """Votes are counted; there is nothing to learn."""
        return {}

    def combine(
        self,
        probabilities: NDArray[np.float64],
        present: NDArray[np.bool_],
        fitted: Fitted,  # noqa: ARG002 - the protocol's signature
    ) -> Decision:
        """Decide n rows from the members' probabilities (M, n, C), of those present (M, n)."""
        decisions = probabilities.argmax(axis=2)
        winner, shares, tied = majority(decisions, present, probabilities.shape[2])
        return Decision(winner, shares, tied)


METHODS = (MajorityVote(),)
