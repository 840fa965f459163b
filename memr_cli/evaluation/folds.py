"""Folds: divisions of the labelled utterances into test, training and validation rows.

Letters: N utterances, K folds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import MethodUnsupportedError, UnsupportedError
from memr_cli.evaluation.columns import Columns, Rows
from memr_cli.evaluation.validation import VALIDATION_SHARE, hold_out, shared_by_validation


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

    @classmethod
    def of(cls, columns: Columns, index: int, *, notes: tuple[str, ...], **parts: Rows) -> "Fold":
        """Make a fold of its four parts; speakers follow from the rows."""
        speakers = {f"{name}_speakers": columns.speakers_of(rows) for name, rows in parts.items()}
        return cls(index=index, notes=notes, **parts, **speakers)  # type: ignore[arg-type]


class Part(NamedTuple):
    """The test and training rows of one fold. validation: those of `train` that the corpus names.

    Where `validation` is None, validation rows are drawn from `train`.
    """

    test: Rows
    train: Rows
    validation: Rows | None = None
    notes: tuple[str, ...] = ()


def divide(
    parts: Callable[[Columns, int], Sequence[Part]],
    columns: Columns,
    n_folds: int,
    *,
    validation: bool,
    share: float,
) -> tuple[Fold, ...]:
    """Return the folds that a protocol's parts make.

    With `validation` each training side is divided again: into the published validation part and
    the rest, or by `hold_out`, about `share` of it. Without, all of it is fitted on. Raises
    UnsupportedError where no row is labelled, or a training side cannot be divided.
    """
    if not columns.labelled.size:
        raise UnsupportedError(
            "the store holds no labelled utterance, and a protocol needs them to train and test. "
            "Fill the label column of the raw data and ingest again."
        )
    used = np.zeros(columns.label.size, np.int64)
    made = []
    for index, part in enumerate(parts(columns, n_folds)):
        fit, chooser = part.train, part.train[:0]
        if validation and part.validation is not None:
            fit, chooser = np.setdiff1d(part.train, part.validation), part.validation
        elif validation:
            _refuse_single_row(index, part.train)
            fit, chooser = hold_out(part.train, columns, share=share, index=index, used=used)
        used[chooser] += 1
        notes = (*part.notes, *shared_by_validation(fit, chooser, columns))
        rows = {"test": part.test, "train": part.train, "fit": fit, "validation": chooser}
        made.append(Fold.of(columns, index, notes=notes, **rows))
    return tuple(made)


def _refuse_single_row(index: int, train: Rows) -> None:
    if train.size < 2:
        raise UnsupportedError(
            f"fold {index} has {train.size} labelled training utterance(s), and choosing the epoch "
            "takes at least 2. Use a corpus with more labels, or --preset original, "
            "which chooses none."
        )


def restrict(
    fold: Fold, usable: NDArray[np.bool_], columns: Columns, subject: str = "the method"
) -> Fold:
    """Leave out of every part of a fold the rows that `subject` cannot use.

    `usable`: (N,) over all utterances of the corpus. Speaker names follow the rows that remain.
    Where no row is left to fit on, or to choose the epoch by, these are drawn anew from the
    training rows that remain. `test` may become empty. Raises MethodUnsupportedError
    where too few training rows remain.
    """
    rows = {name: getattr(fold, name) for name in ("test", "train", "fit", "validation")}
    rows = {name: part[usable[part]] for name, part in rows.items()}
    chooses = fold.validation.size > 0
    if rows["train"].size < 1 + chooses:
        raise MethodUnsupportedError(
            f"fold {fold.index}: {subject} can use {rows['train'].size} of the {fold.train.size} "
            f"training utterances (speakers {first_names(columns.speakers_of(fold.train))}), "
            "because what it needs is missing there. Use another method or protocol."
        )
    notes = fold.notes
    if chooses and not (rows["fit"].size and rows["validation"].size):
        unused = np.zeros(columns.label.size, np.int64)
        rows["fit"], rows["validation"] = hold_out(
            rows["train"], columns, share=VALIDATION_SHARE, index=fold.index, used=unused
        )
        notes = shared_by_validation(rows["fit"], rows["validation"], columns)
    return Fold.of(columns, fold.index, notes=notes, **rows)


def first_names(names: Sequence[str], most: int = 6) -> str:
    """Return the first few names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
