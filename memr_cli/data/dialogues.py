"""The order of utterances within their dialogues.

Letters: N utterances, L dialogues, T turns of the longest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.columns import NONE, Codes

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dialogues:
    """The utterances of each dialogue in order.

    ordered: (N,) all utterances, dialogue after dialogue; starts, lengths: (L,) where each begins
    there, and its turns. of: (N,) the dialogue of each utterance; place: (N,) its turn there, from
    0.
    """

    ordered: Rows
    starts: Rows
    lengths: Rows
    of: Rows
    place: Rows

    @classmethod
    def arranged(cls, dialogue: Codes, order: Rows) -> "Dialogues":
        """From the codes of dialogues (N,) and a number (N,) that ascends within each.

        An utterance without a dialogue is one of its own.
        """
        alone = dialogue == NONE
        codes = dialogue.astype(np.int64)
        codes[alone] = codes.max(initial=NONE) + 1 + np.arange(int(alone.sum()))
        of = np.unique(codes, return_inverse=True)[1].astype(np.int64)
        ordered = np.lexsort((order, of)).astype(np.int64)
        lengths = np.bincount(of)
        starts = np.cumsum(lengths) - lengths
        place = np.empty(len(of), np.int64)
        place[ordered] = np.arange(len(of)) - np.repeat(starts, lengths)
        return cls(ordered, starts, lengths, of, place)

    def turns(self, some: Rows) -> Rows:
        """(l, T) the utterances of some dialogues (l,) in order, NONE behind the last of each."""
        steps = np.arange(int(self.lengths[some].max(initial=0)))
        inside = steps < self.lengths[some, None]
        places = np.where(inside, self.starts[some, None] + steps, 0)
        return np.where(inside, self.ordered[places], NONE)


def turn_order(dialogue: Codes, turn: Codes, source_row: Rows) -> Rows:
    """(N,) numbers that ascend within each dialogue: by turn, where all its turns are known.

    turn: (N,), NONE where unknown. Where one is, the dialogue is taken in the order of its listing,
    source_row (N,), which also decides between equal turns.
    """
    unknown = np.isin(dialogue, dialogue[turn == NONE])
    ascending = np.lexsort((source_row, np.where(unknown, 0, turn)))
    order = np.empty(len(turn), np.int64)
    order[ascending] = np.arange(len(turn))
    return order
