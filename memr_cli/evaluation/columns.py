"""The columns of a store that protocols divide: N utterances, codes into lists of names.

Rows are int64 positions of utterances, always ascending.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Codes = NDArray[np.integer[Any]]

NONE = -1
"""The code of an utterance that has no session, dialogue, split or label."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The speaker, session, dialogue, label and published part of each of N utterances.

    `speaker`, `session`, `dialogue`, `split`: (N,) codes into the name lists, -1 for none; every
    utterance has a speaker. `label`: (N,) class index, -1 unlabelled.
    """

    speaker: Codes
    speaker_names: tuple[str, ...]
    session: Codes
    session_names: tuple[str, ...]
    dialogue: Codes
    label: Codes
    split: Codes
    split_names: tuple[str, ...]

    @property
    def labelled(self) -> Rows:
        """The rows (n,) that have a label."""
        return np.flatnonzero(self.label != NONE)

    def speakers_of(self, rows: Rows) -> tuple[str, ...]:
        """Return the names of those who speak in `rows`, sorted by code point."""
        return tuple(sorted(self.speaker_names[code] for code in np.unique(self.speaker[rows])))

    def clusters(self, rows: Rows) -> tuple[Codes, str]:
        """Return the clusters (n,) by which `rows` (n,) are resampled, and their plural in words.

        Their sessions where every one has one, else their speakers.
        """
        sessions = self.session[rows]
        in_sessions = bool((sessions != NONE).all())
        return (sessions, "sessions") if in_sessions else (self.speaker[rows], "speakers")
