"""Protocols: rules that divide the labelled utterances into test and training parts.

A protocol is an object with an entry in PROTOCOLS and a name in the vocabulary.
Letters: N utterances, K folds.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.evaluation.columns import NONE, Codes, Columns, Rows
from memr_cli.evaluation.folds import Fold, Part, divide, first_names, restrict
from memr_cli.evaluation.validation import VALIDATION_SHARE
from memr_cli.vocabulary import ProtocolName

__all__ = ["PROTOCOLS", "Fold", "Protocol", "check_n_folds", "describe", "folds", "restrict"]

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "development", "dev"),
    "test": ("test", "testing"),
}
"""Accepted names of the parts of a published split, in upper or lower case."""


class Protocol(ABC):
    """A rule that says which labelled utterances are tested, and by models of which others."""

    takes_folds: bool = False
    """The number of folds is the user's choice, `--folds`."""
    by_speaker: bool = False
    """Parts are made of whole speakers, so that no tested speaker is trained on."""
    keeps_dialogues: bool = False
    """All speakers of a dialogue are on one side."""
    published: bool = False
    """The corpus itself names the parts."""

    @abstractmethod
    def parts(self, columns: Columns, n_folds: int) -> Sequence[Part]:
        """Divide the labelled rows, one part for each fold.

        Raises UnsupportedError where the corpus lacks what the protocol needs, and UsageError for
        a number of folds that cannot work.
        """

    @abstractmethod
    def words(self, cut: Sequence[Fold]) -> str:
        """Return the description of these folds, but for test speakers who are trained on."""

    def describe(self, cut: Sequence[Fold]) -> str:
        """Return the description of these folds, for tables and captions."""
        shared = any(set(fold.test_speakers) & set(fold.train_speakers) for fold in cut)
        return self.words(cut) + (", test speakers also in training" if shared else "")


class SpeakerFolds(Protocol):
    """Speakers in the order of their names, cut into `n_folds` groups of nearly equal size."""

    takes_folds = by_speaker = True

    def parts(self, columns: Columns, n_folds: int) -> Sequence[Part]:
        """Test each group of speakers once."""
        if n_folds < 2:
            raise UsageError(f"--folds is {n_folds}, and cross-validation needs at least 2 folds.")
        names = columns.speaker_names
        speakers = _by_name(columns.speaker[columns.labelled], names)
        if speakers.size < n_folds:
            remedy = (
                f"use --folds {speakers.size} or fewer"
                if speakers.size > 1
                else "use --protocol split if the corpus has a published split"
            )
            raise UnsupportedError(
                f"protocol speaker with {n_folds} folds needs at least {n_folds} speakers with "
                f"labelled utterances, and the store has {_listed(names, speakers)}: {remedy}."
            )
        return _leave_out(np.array_split(speakers, n_folds), columns.speaker, columns)

    def words(self, cut: Sequence[Fold]) -> str:
        """Count folds and speakers."""
        speakers = {name for fold in cut for name in fold.test_speakers}
        return f"{len(cut)} folds over {len(speakers)} speakers, test speakers unseen in training"


@dataclass(frozen=True)
class LeaveOneOut(Protocol):
    """Each speaker, or each session, in turn is tested by models of all others."""

    name: ProtocolName
    column: Literal["speaker", "session"]
    remedy: str
    """The advice where the corpus has too few of them."""
    by_speaker: bool = False
    keeps_dialogues: bool = False

    def parts(self, columns: Columns, _n_folds: int) -> Sequence[Part]:
        """Test each once."""
        codes, names = getattr(columns, self.column), getattr(columns, f"{self.column}_names")
        lacking = int((codes[columns.labelled] == NONE).sum())
        if lacking:
            raise UnsupportedError(
                f"protocol {self.name} needs a {self.column} for every labelled utterance, and "
                f"{lacking} of {columns.labelled.size} have none. Fill the column `{self.column}` "
                f"of the raw data and ingest again, or {self.remedy}."
            )
        present = _by_name(codes[columns.labelled], names)
        if present.size < 2:
            raise UnsupportedError(
                f"protocol {self.name} leaves one {self.column} out and needs at least 2 "
                f"{self.column}s with labelled utterances; the store has "
                f"{_listed(names, present)}. {self.remedy.capitalize()}."
            )
        return _leave_out(np.split(present, present.size), codes, columns)

    def words(self, cut: Sequence[Fold]) -> str:
        """Count the folds."""
        return f"leave one {self.column} out, {len(cut)} folds"


class PublishedSplit(Protocol):
    """The corpus's own split: the train and validation part train, the test part is tested."""

    published = True

    def parts(self, columns: Columns, _n_folds: int) -> Sequence[Part]:
        """Return the one part. Labelled rows outside the split are left out, with a note."""
        rows = published_rows(columns)
        codes, counts = np.unique(columns.split[columns.labelled], return_counts=True)
        found = first_names(
            [
                f"{columns.split_names[code] if code != NONE else 'no split'} ({count})"
                for code, count in zip(codes, counts, strict=True)
            ]
        )
        missing = [name for name in ("train", "test") if not rows[name].size]
        if missing:
            accepted = "; ".join(f"{part}: {', '.join(all_)}" for part, all_ in SPLIT_NAMES.items())
            raise UnsupportedError(
                "protocol split needs labelled utterances in a train and a test part, and the "
                f"store has none in {' or '.join(missing)}; found: {found}. Accepted names: "
                f"{accepted}. Fill the column `split` of the raw data and ingest again, or use "
                "another --protocol."
            )
        left_out = columns.labelled.size - sum(part.size for part in rows.values())
        note = (
            f"{left_out} labelled utterances belong to no part of the published split and are left "
            f"out; found: {found}"
        )
        train = np.union1d(rows["train"], rows["validation"])
        validation = rows["validation"] if rows["validation"].size else None
        return [Part(rows["test"], train, validation, (note,) * (left_out > 0))]

    def words(self, _cut: Sequence[Fold]) -> str:
        """Name the split."""
        return "the corpus's published split"


PROTOCOLS: dict[ProtocolName, Protocol] = {
    ProtocolName.SPEAKER: SpeakerFolds(),
    ProtocolName.SESSION: LeaveOneOut(
        ProtocolName.SESSION, "session", "use --protocol speaker or loso", keeps_dialogues=True
    ),
    ProtocolName.LOSO: LeaveOneOut(
        ProtocolName.LOSO,
        "speaker",
        "use --protocol split if the corpus has a published split",
        by_speaker=True,
    ),
    ProtocolName.SPLIT: PublishedSplit(),
}


def folds(
    protocol: ProtocolName,
    columns: Columns,
    n_folds: int = 5,
    *,
    validation: bool = True,
    validation_share: float = VALIDATION_SHARE,
) -> tuple[Fold, ...]:
    """Return the folds of a protocol over a corpus. `n_folds`: where the protocol takes `--folds`.

    Raises what `Protocol.parts` and `divide` raise.
    """
    parts = PROTOCOLS[protocol].parts
    return divide(parts, columns, n_folds, validation=validation, share=validation_share)


def describe(protocol: ProtocolName, cut: Sequence[Fold]) -> str:
    """Return a protocol in words, given its folds."""
    return PROTOCOLS[protocol].describe(cut)


def check_n_folds(protocol: ProtocolName, n_folds: int | None) -> None:
    """Raise UsageError where `--folds` is given and the protocol does not take it."""
    if n_folds is not None and not PROTOCOLS[protocol].takes_folds:
        takers = " or ".join(name for name, one in PROTOCOLS.items() if one.takes_folds)
        raise UsageError(
            f"--folds has no effect with --protocol {protocol}, which has its own. "
            f"Leave it out, or use --protocol {takers}."
        )


def published_rows(columns: Columns) -> dict[str, Rows]:
    """Return the labelled rows of the published `train`, `validation` and `test` part."""
    names = np.array([name.strip().casefold() for name in columns.split_names] + [""])
    split = names[columns.split[columns.labelled]]  # code -1 takes the last entry
    return {
        part: columns.labelled[np.isin(split, accepted)] for part, accepted in SPLIT_NAMES.items()
    }


def _leave_out(groups: Sequence[NDArray[np.int64]], codes: Codes, columns: Columns) -> list[Part]:
    """Return one part for each group of codes: its labelled rows are tested, all others train."""
    rows = columns.labelled
    inside = [np.isin(codes[rows], group) for group in groups]
    return [Part(rows[mask], rows[~mask]) for mask in inside]


def _by_name(codes: Codes, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the codes that occur, in the order of their names by code point."""
    return np.array(sorted(np.unique(codes).tolist(), key=lambda code: names[code]), np.int64)


def _listed(names: tuple[str, ...], codes: NDArray[np.int64]) -> str:
    """Return the number of codes and the first few names: `2 (F01, M01)`."""
    return f"{codes.size} ({first_names([names[code] for code in codes])})"
