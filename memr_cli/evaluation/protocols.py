"""Protocols: who is tested, who trains, and who chooses the epoch.

Only labelled utterances take part. Letters: N utterances, K folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import MethodUnsupportedError, UnsupportedError, UsageError
from memr_cli.evaluation.columns import NONE, Columns, Rows
from memr_cli.evaluation.validation import Split, hold_out, sharing
from memr_cli.vocabulary import ProtocolName

__all__ = [
    "SPLIT_NAMES",
    "Columns",
    "Fold",
    "ProtocolName",
    "describe",
    "folds",
    "restrict",
]

VALIDATION_SHARE = 0.2
"""About this share of the training rows chooses the epoch."""

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "development", "dev"),
    "test": ("test", "testing"),
}
"""What the parts of a published split may be called, in upper or lower case."""


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of the labelled rows, by number from 0.

    `test`: scored once. `train`: all rows whose labels a model may use; `fit` and `validation` are
    the two parts of `train`, for the model whose epoch `validation` chooses. `validation` is empty
    where nothing is to be chosen. Speaker names are sorted; `notes` are sentences for people.
    """

    index: int
    test: Rows
    train: Rows
    fit: Rows
    validation: Rows
    test_speakers: tuple[str, ...]
    train_speakers: tuple[str, ...]
    fit_speakers: tuple[str, ...]
    validation_speakers: tuple[str, ...]
    notes: tuple[str, ...] = ()


class _Part(NamedTuple):
    test: Rows
    train: Rows
    published: Rows | None = None
    notes: tuple[str, ...] = ()


def folds(
    protocol: ProtocolName,
    columns: Columns,
    n_folds: int = 5,
    *,
    validation: bool = True,
    validation_share: float = VALIDATION_SHARE,
) -> tuple[Fold, ...]:
    """The folds of a protocol over a corpus. `n_folds` is for the `speaker` protocol alone.

    With `validation` each training side is divided again (see `validation.hold_out`, or the
    published validation part); without it all of it is fitted on.
    Raises UsageError for fewer than 2 folds, and UnsupportedError where the corpus has too few
    speakers or sessions, utterances without a session, no published split, or too few rows.
    """
    if not columns.labelled.size:
        raise UnsupportedError(
            "the store holds no labelled utterance, and a protocol needs them to train and test. "
            "Fill the label column of the raw data and ingest again."
        )
    used = np.zeros(columns.label.size, np.int64)
    made = []
    for index, part in enumerate(_parts(ProtocolName(protocol), columns, n_folds)):
        fit, chooser = part.train, part.train[:0]
        if validation and part.published is not None:
            fit, chooser = np.setdiff1d(part.train, part.published), part.published
        elif validation:
            _refuse_single_row(index, part.train)
            fit, chooser = hold_out(
                part.train, columns, share=validation_share, index=index, used=used
            )
        used[chooser] += 1
        notes = (*part.notes, *sharing(fit, chooser, columns))
        made.append(_fold(columns, index, part.test, part.train, (fit, chooser), notes))
    return tuple(made)


def _fold(
    columns: Columns, index: int, test: Rows, train: Rows, inner: Split, notes: tuple[str, ...]
) -> Fold:
    fit, validation = inner
    return Fold(
        index=index,
        test=test,
        train=train,
        fit=fit,
        validation=validation,
        test_speakers=columns.speakers_of(test),
        train_speakers=columns.speakers_of(train),
        fit_speakers=columns.speakers_of(fit),
        validation_speakers=columns.speakers_of(validation),
        notes=notes,
    )


def _refuse_single_row(index: int, train: Rows) -> None:
    if train.size < 2:
        raise UnsupportedError(
            f"fold {index} has {train.size} labelled training utterance(s), and choosing the epoch "
            "takes at least 2. Use a corpus with more labels, or --preset original, "
            "which chooses none."
        )


def _parts(protocol: ProtocolName, columns: Columns, n_folds: int) -> list[_Part]:
    match protocol:
        case ProtocolName.SPEAKER:
            return _leave_out(_speaker_groups(columns, n_folds), columns.speaker, columns)
        case ProtocolName.LOSO:
            return _leave_out(_single_speakers(columns), columns.speaker, columns)
        case ProtocolName.SESSION:
            return _leave_out(_single_sessions(columns), columns.session, columns)
        case ProtocolName.SPLIT:
            return [_published(columns)]


def _leave_out(
    groups: Sequence[NDArray[np.int64]], codes: NDArray[np.integer], columns: Columns
) -> list[_Part]:
    """One part per group of codes: its labelled rows are tested, all others train."""
    rows = columns.labelled
    inside = [np.isin(codes[rows], group) for group in groups]
    return [_Part(rows[mask], rows[~mask]) for mask in inside]


def _by_name(codes: NDArray[np.integer], names: tuple[str, ...]) -> NDArray[np.int64]:
    """The codes that occur, in the order of their names by code point."""
    return np.array(sorted(np.unique(codes).tolist(), key=lambda code: names[code]), np.int64)


def _speakers(columns: Columns) -> NDArray[np.int64]:
    return _by_name(columns.speaker[columns.labelled], columns.speaker_names)


def _speaker_groups(columns: Columns, n_folds: int) -> list[NDArray[np.int64]]:
    if n_folds < 2:
        raise UsageError(f"--folds is {n_folds}, and cross-validation needs at least 2 folds.")
    speakers = _speakers(columns)
    if speakers.size < n_folds:
        remedy = (
            f"use --folds {speakers.size} or fewer"
            if speakers.size > 1
            else "use --protocol split if the corpus has a published split"
        )
        raise UnsupportedError(
            f"protocol speaker with {n_folds} folds needs at least {n_folds} speakers with "
            f"labelled utterances, and the store has {_listed(columns.speaker_names, speakers)}: "
            f"{remedy}."
        )
    return np.array_split(speakers, n_folds)


def _single_speakers(columns: Columns) -> list[NDArray[np.int64]]:
    speakers = _speakers(columns)
    if speakers.size < 2:
        raise UnsupportedError(
            "protocol loso leaves one speaker out and needs at least 2 speakers with labelled "
            f"utterances; the store has {_listed(columns.speaker_names, speakers)}. Use "
            "--protocol split if the corpus has a published split."
        )
    return np.split(speakers, speakers.size)


def _single_sessions(columns: Columns) -> list[NDArray[np.int64]]:
    codes = columns.session[columns.labelled]
    lacking = int((codes == NONE).sum())
    if lacking:
        raise UnsupportedError(
            f"protocol session needs a session for every labelled utterance, and {lacking} of "
            f"{codes.size} have none. Fill the column `session` of the raw data and ingest again, "
            "or use --protocol speaker or loso."
        )
    sessions = _by_name(codes, columns.session_names)
    if sessions.size < 2:
        raise UnsupportedError(
            "protocol session leaves one session out and needs at least 2 sessions with labelled "
            f"utterances; the store has {_listed(columns.session_names, sessions)}. "
            "Use --protocol speaker or loso."
        )
    return np.split(sessions, sessions.size)


def _listed(names: tuple[str, ...], codes: NDArray[np.int64]) -> str:
    """The count of codes and the first few names: `2 (F01, M01)`."""
    return f"{codes.size} ({_few([names[code] for code in codes])})"


def _few(names: Sequence[str], most: int = 6) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _published(columns: Columns) -> _Part:
    """The corpus's own split: train and validation part train, the test part is tested."""
    rows = columns.labelled
    kinds = np.array([_kind(name) for name in columns.split_names] + ["none"])
    kind = kinds[columns.split[rows]]  # code -1 takes the last entry
    test = rows[kind == "test"]
    validation = rows[kind == "validation"]
    train = rows[(kind == "train") | (kind == "validation")]
    if not test.size or not (kind == "train").any():
        missing = [name for name in ("train", "test") if not (kind == name).any()]
        raise UnsupportedError(
            "protocol split needs labelled utterances in a train and a test part, and the store "
            f"has none in {' or '.join(missing)}; found: {_found_splits(columns)}. Accepted names: "
            + "; ".join(f"{part}: {', '.join(names)}" for part, names in SPLIT_NAMES.items())
            + ". Fill the column `split` of the raw data and ingest again, or use another "
            "--protocol."
        )
    left_out = int((kind == "none").sum())
    note = (
        f"{left_out} labelled utterances belong to no part of the published split and are left "
        f"out; found: {_found_splits(columns)}"
    )
    return _Part(test, train, validation if validation.size else None, (note,) * (left_out > 0))


def _kind(split_name: str) -> str:
    folded = split_name.strip().casefold()
    return next((part for part, names in SPLIT_NAMES.items() if folded in names), "none")


def _found_splits(columns: Columns) -> str:
    """The split names of the labelled rows with their counts."""
    codes, counts = np.unique(columns.split[columns.labelled], return_counts=True)
    named = [
        f"{columns.split_names[code] if code != NONE else 'no split'} ({count})"
        for code, count in zip(codes, counts, strict=True)
    ]
    return _few(named)


def restrict(
    fold: Fold, usable: NDArray[np.bool_], columns: Columns, subject: str = "the method"
) -> Fold:
    """Leave out of every part of a fold the rows that `subject` cannot use.

    `usable`: (N,) over all utterances of the corpus. Speaker names follow the rows that remain.
    Where no row is left to fit on, or to choose the epoch by, these are drawn anew from the
    training rows that remain. `test` may become empty. Raises MethodUnsupportedError
    where too few training rows remain.
    """
    test, train, fit, validation = (
        rows[usable[rows]] for rows in (fold.test, fold.train, fold.fit, fold.validation)
    )
    chooses = fold.validation.size > 0
    if train.size < 1 + chooses:
        raise MethodUnsupportedError(
            f"fold {fold.index}: {subject} can use {train.size} of the {fold.train.size} training "
            f"utterances (speakers {_few(columns.speakers_of(fold.train))}), because what it needs "
            "is missing there. Use another method or protocol."
        )
    notes = fold.notes
    if chooses and not (fit.size and validation.size):
        nobody = np.zeros(columns.label.size, np.int64)
        fit, validation = hold_out(
            train, columns, share=VALIDATION_SHARE, index=fold.index, used=nobody
        )
        notes = sharing(fit, validation, columns)
    return _fold(columns, fold.index, test, train, (fit, validation), notes)


def describe(protocol: ProtocolName, cut: Sequence[Fold]) -> str:
    """A protocol in words, for tables and captions; says so where test speakers also train."""
    unseen = not any(set(fold.test_speakers) & set(fold.train_speakers) for fold in cut)
    exception = "" if unseen else ", test speakers also in training"
    match ProtocolName(protocol):
        case ProtocolName.SPEAKER:
            speakers = {name for fold in cut for name in fold.test_speakers}
            return f"{len(cut)} folds over {len(speakers)} speakers" + (
                exception or ", test speakers unseen in training"
            )
        case ProtocolName.LOSO:
            return f"leave one speaker out, {len(cut)} folds{exception}"
        case ProtocolName.SESSION:
            return f"leave one session out, {len(cut)} folds{exception}"
        case ProtocolName.SPLIT:
            return f"the corpus's published split{exception}"
