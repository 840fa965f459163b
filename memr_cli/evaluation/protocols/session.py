"""The protocol `session`: leave one session out."""

from collections.abc import Sequence

import numpy as np

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.columns import NONE, Columns
from memr_cli.evaluation.folds import Fold, Part
from memr_cli.evaluation.protocols.protocol import (
    Protocol,
    codes_by_name,
    count_and_names,
    leave_out,
)


class LeaveOneSessionOut(Protocol):
    """Each session in turn is tested by models of all others."""

    keeps_dialogues = True

    def parts(self, columns: Columns, _n_folds: int) -> Sequence[Part]:
        """Test each session once."""
        codes = columns.session[columns.labelled]
        lacking = int((codes == NONE).sum())
        if lacking:
            raise UnsupportedError(
                f"protocol session needs a session for every labelled utterance, and {lacking} of "
                f"{codes.size} have none. Fill the column `session` of the raw data and ingest "
                "again, or use --protocol speaker or loso."
            )
        sessions = codes_by_name(codes, columns.session_names)
        if sessions.size < 2:
            raise UnsupportedError(
                "protocol session leaves one session out and needs at least 2 sessions with "
                "labelled utterances; the store has "
                f"{count_and_names(columns.session_names, sessions)}. "
                "Use --protocol speaker or loso."
            )
        return leave_out(np.split(sessions, sessions.size), columns.session, columns)

    def words(self, cut: Sequence[Fold]) -> str:
        """Count the folds."""
        return f"leave one session out, {len(cut)} folds"
