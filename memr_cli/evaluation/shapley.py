"""Shapley values (Shapley 1953, A Value for n-Person Games).

Here the players are modalities, and a coalition's value is the score with these modalities alone.

Letters: M players, `...` any trailing axes (replicates of a bootstrap).
"""

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shapley(values: NDArray[np.floating[Any]]) -> Floats:
    """Return the Shapley values of players, (M, ...), from the values of coalitions, (2^M, ...).

    Coalition number c has player i where bit i of c is set: 0 is the empty one, 2^M - 1 all.
    A player's value is what it adds to those before it, averaged over all orders in which players
    may come: the sum over coalitions S without it of |S|! (M - |S| - 1)! / M! times what it adds
    to S. The values of all players sum to that of all minus that of none, and each is linear in
    `values`, so that replicates of the coalitions' values give replicates of the players'.
    """
    values = np.asarray(values, np.float64)
    n_players = len(values).bit_length() - 1
    worth = np.zeros((n_players, *values.shape[1:]))
    for player in range(n_players):
        for coalition in range(len(values)):
            if coalition >> player & 1:
                continue
            size = coalition.bit_count()
            share = factorial(size) * factorial(n_players - size - 1) / factorial(n_players)
            worth[player] += share * (values[coalition | 1 << player] - values[coalition])
    return worth
