"""The protocol `loso`: leave one speaker out."""

from collections.abc import Sequence

import numpy as np

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.folds import Fold, Part
from memr_cli.evaluation.protocols.protocol import (
    Protocol,
    count_and_names,
    labelled_speakers,
    leave_out,
)


class LeaveOneSpeakerOut(Protocol):
    """Each speaker in turn is tested by models of all others."""

    by_speaker = True

    def parts(self, columns: Columns, _n_folds: int) -> Sequence[Part]:
        """Test each speaker once."""
        speakers = labelled_speakers(columns)
        if speakers.size < 2:
            raise UnsupportedError(
                "protocol loso leaves one speaker out and needs at least 2 speakers with labelled "
                f"utterances; the store has {count_and_names(columns.speaker_names, speakers)}. "
                "Use --protocol split if the corpus has a published split."
            )
        return leave_out(np.split(speakers, speakers.size), columns.speaker, columns)

    def words(self, cut: Sequence[Fold]) -> str:
        """Count the folds."""
        return f"leave one speaker out, {len(cut)} folds"
