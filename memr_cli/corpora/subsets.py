"""Improvised and scripted dialogues of IEMOCAP, told apart by the ids of their utterances.

Half of IEMOCAP is played from scripts that several pairs of actors share, so that the same
sentences, with much the same emotions, stand in training and in test; the other half is improvised.
N utterances.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.vocabulary import Subset

# Ses01F_impro01_F001 is improvised, Ses04M_script02_2b_M013 scripted.
_KIND = re.compile(r"Ses[0-9]{1,4}[FM]_(impro|script)[0-9]", re.ASCII)
_SUBSETS = {"impro": Subset.IMPROVISED, "script": Subset.SCRIPTED}


def kind_of(utterance: str) -> Subset | None:
    """Whether an utterance is of an improvised or a scripted dialogue; None where its id is not so.

    >>> kind_of("Ses01F_impro01_F001")
    <Subset.IMPROVISED: 'improvised'>
    """
    found = _KIND.match(utterance)
    return None if found is None else _SUBSETS[found[1]]


def inside(utterances: Sequence[str], subset: Subset) -> NDArray[np.bool_]:
    """(N,) which utterances belong to the subset."""
    if subset is Subset.ALL:
        return np.ones(len(utterances), np.bool_)
    return np.array([kind_of(utterance) is subset for utterance in utterances], np.bool_)
