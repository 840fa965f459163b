"""The columns of a store that decide who is tested: N utterances, codes into lists of names.

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
    """Who said each of N utterances, where, and with which label.

    `speaker`, `session`, `dialogue`, `split`: (N,) codes into the name lists, -1 for none; every
    utterance has a speaker. `label`: (N,) class index, -1 unlabelled. Raises ValueError where the
    columns differ in length.
    """

    speaker: Codes
    speaker_names: tuple[str, ...]
    session: Codes
    session_names: tuple[str, ...]
    dialogue: Codes
    label: Codes
    split: Codes
    split_names: tuple[str, ...]

    def __post_init__(self) -> None:
        shapes = {
            name: getattr(self, name).shape
            for name in ("speaker", "session", "dialogue", "label", "split")
        }
        if set(shapes.values()) != {(len(self.speaker),)}:
            raise ValueError(f"expected columns of one length N, found shapes {shapes}")

    @property
    def labelled(self) -> Rows:
        """(n,) the rows that have a label."""
        return np.flatnonzero(self.label != NONE)

    def speakers_of(self, rows: Rows) -> tuple[str, ...]:
        """The names of those who speak in `rows`, sorted by code point."""
        return tuple(sorted(self.speaker_names[code] for code in np.unique(self.speaker[rows])))

    def clusters(self, rows: Rows) -> tuple[Codes, str]:
        """What `rows` (n,) are resampled by, (n,) codes, and its plural in words.

        Their sessions where every one has one, else their speakers.
        """
        sessions = self.session[rows]
        in_sessions = bool((sessions != NONE).all())
        return (sessions, "sessions") if in_sessions else (self.speaker[rows], "speakers")
