"""Conventions of IEMOCAP: its four classes, and the parts of its utterance ids.

Half of IEMOCAP is acted from scripts that several pairs of actors share, so the same sentences,
with similar emotions, occur in training and in test parts; the other half is improvised.

Shapes: N utterances.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memr_cli.vocabulary import Subset

CLASSES = ("anger", "sadness", "happiness", "neutral")
"""Classes of the integer labels 0-3, where nothing else names them."""

# Ses01F_impro01_F001, Ses04M_script02_2b_M013: session 1, improvised or scripted dialogue, turn.
_ID = re.compile(
    r"(?P<dialogue>Ses(?P<session>[0-9]{1,4})[FM]_(?:impro|script)[0-9][0-9a-z_]*)_[FM][0-9X]+",
    re.ASCII,
)
_KIND = re.compile(r"Ses[0-9]{1,4}[FM]_(impro|script)[0-9]", re.ASCII)
_SUBSETS = {"impro": Subset.IMPROVISED, "script": Subset.SCRIPTED}


def session_and_dialogue(utterance: str) -> tuple[str, str] | None:
    """Return the session and the dialogue of an utterance; None for an id of another form.

    >>> session_and_dialogue("Ses01F_impro01_F001")
    ('1', 'Ses01F_impro01')
    """
    found = _ID.fullmatch(utterance)
    return None if found is None else (str(int(found["session"])), found["dialogue"])


def kind_of(utterance: str) -> Subset | None:
    """Return whether the dialogue is improvised or scripted; None for an id of another form.

    >>> kind_of("Ses01F_impro01_F001")
    <Subset.IMPROVISED: 'improvised'>
    """
    found = _KIND.match(utterance)
    return None if found is None else _SUBSETS[found[1]]


def inside(utterances: Sequence[str], subset: Subset) -> NDArray[np.bool_]:
    """Return (N,) whether each utterance belongs to the subset."""
    if subset is Subset.ALL:
        return np.ones(len(utterances), np.bool_)
    return np.array([kind_of(utterance) is subset for utterance in utterances], np.bool_)
