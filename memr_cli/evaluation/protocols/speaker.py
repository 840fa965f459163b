"""The protocol `speaker`: cross-validation over groups of speakers."""

from collections.abc import Sequence

import numpy as np

from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.folds import Fold, Part
from memr_cli.evaluation.protocols.protocol import (
    Protocol,
    count_and_names,
    labelled_speakers,
    leave_out,
)


class SpeakerFolds(Protocol):
    """Speakers in the order of their names, cut into `n_folds` groups of nearly equal size."""

    takes_folds = True
    by_speaker = True

    def parts(self, columns: Columns, n_folds: int) -> Sequence[Part]:
        """Test each group of speakers once."""
        if n_folds < 2:
            raise UsageError(f"--folds is {n_folds}, and cross-validation needs at least 2 folds.")
        speakers = labelled_speakers(columns)
        if speakers.size < n_folds:
            remedy = (
                f"use --folds {speakers.size} or fewer"
                if speakers.size > 1
                else "use --protocol split if the corpus has a published split"
            )
            raise UnsupportedError(
                f"protocol speaker with {n_folds} folds needs at least {n_folds} speakers with "
                "labelled utterances, and the store has "
                f"{count_and_names(columns.speaker_names, speakers)}: {remedy}."
            )
        return leave_out(np.array_split(speakers, n_folds), columns.speaker, columns)

    def words(self, cut: Sequence[Fold]) -> str:
        """Count folds and speakers."""
        speakers = {name for fold in cut for name in fold.test_speakers}
        return f"{len(cut)} folds over {len(speakers)} speakers, test speakers unseen in training"
