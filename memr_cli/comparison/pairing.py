"""The predictions of all compared methods, aligned by utterance and seed, and their clusters.

Letters: N utterances of the store, n rows of a predictions file, S seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.columns import NONE, Columns
from memr_cli.evaluation.significance import Shared
from memr_cli.results.comparison import Clusters

Rows = NDArray[np.int64]
Index = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Paired:
    """The rows that all methods scored.

    predicted: the predictions of each method for the rows of `shared`. n: utterances that all
    methods scored; left_out: that only some scored; undialogued: those of the n without a dialogue.
    """

    shared: Shared
    predicted: tuple[NDArray[np.int64], ...]
    n: int
    left_out: int
    clusters: Clusters
    undialogued: int


def pair(results: Sequence[Evaluated], ids: Sequence[str], columns: Columns) -> Paired:
    """Align the predictions of results that agree in folds, seeds and classes.

    The predictions of an ensemble are repeated for each seed of the others. ids: N utterances of
    the store. Raises UnsupportedError where no utterance is scored by all, or a predictions file
    does not have each of its utterances once per seed (once for an ensemble) with the store's
    label.
    """
    row_of = {name: row for row, name in enumerate(ids)}
    rows = [_rows(result, row_of) for result in results]
    for result, each in zip(results, rows, strict=True):
        _refuse_other_classes(result)
        _refuse_other_labels(result, columns.label[each])
    scored = [np.unique(each) for each in rows]
    common = scored[0]
    for each in scored[1:]:
        common = np.intersect1d(common, each, assume_unique=True)
    if not common.size:
        raise UnsupportedError(
            "these methods scored no utterance in common, so nothing can be compared. Name methods "
            "whose modalities occur together."
        )
    widest = max(range(len(results)), key=lambda number: len(results[number].settings.runs))
    n_runs = len(results[widest].settings.runs)
    orders = [
        np.tile(_order(result, each, common), n_runs // len(result.settings.runs))
        for result, each in zip(results, rows, strict=True)
    ]
    first, order = results[widest].predictions, orders[widest]
    row = rows[widest][order]
    (outer, kind), dialogue = columns.clusters(row), columns.dialogue[common]
    shared = Shared(
        fold=first.fold[order],
        seed=first.seed[order],
        true=first.true[order],
        outer=outer,
        inner=columns.dialogue[row],
        unit=_units(columns)[row],
        n_classes=len(first.class_names),
    )
    return Paired(
        shared=shared,
        predicted=tuple(r.predictions.predicted[o] for r, o in zip(results, orders, strict=True)),
        n=int(common.size),
        left_out=int(np.unique(np.concatenate(scored)).size - common.size),
        clusters=Clusters(
            kind=kind,
            n=int(np.unique(outer).size),
            dialogues=int(np.unique(dialogue[dialogue != NONE]).size),
            speakers=int(np.unique(columns.speaker[common]).size),
        ),
        undialogued=int((dialogue == NONE).sum()),
    )


def _rows(result: Evaluated, row_of: dict[str, int]) -> Rows:
    """Return (n,) the store's row of each row of the predictions."""
    rows = np.array([row_of.get(name, NONE) for name in result.predictions.utterances], np.int64)
    whole = np.unique(np.stack([rows, result.predictions.seed]), axis=1).shape[1] == rows.size
    runs = result.settings.runs
    seeds = set(result.predictions.seed.tolist()) == set(runs)
    expected = len(runs) * result.evaluation.n
    if (rows == NONE).any() or not whole or not seeds or rows.size != expected:
        raise UnsupportedError(
            f"the predictions of {result.path} do not have each of its utterances once per seed. "
            "Delete it and run `memr evaluate` again."
        )
    return rows


def _refuse_other_classes(result: Evaluated) -> None:
    if result.predictions.class_names != result.evaluation.class_names:
        raise UnsupportedError(
            f"the predictions of {result.path} have other classes than its metrics. Delete it "
            "and run `memr evaluate` again."
        )


def _refuse_other_labels(result: Evaluated, label: Index) -> None:
    """label: (n,) class of each row of the predictions, by the store."""
    predictions = result.predictions
    wrong = np.flatnonzero(predictions.true != label)
    if wrong.size:
        raise UnsupportedError(
            f"the predictions of {result.path} have other true labels than the store in "
            f"{wrong.size} of {label.size} rows, such as {predictions.utterances[wrong[0]]}. "
            "Delete it and run `memr evaluate` again."
        )


def _order(result: Evaluated, rows: Rows, common: Rows) -> Rows:
    """Return the rows of common utterances in a predictions file, by seed, then utterance."""
    kept = np.flatnonzero(np.isin(rows, common))
    return kept[np.lexsort((rows[kept], result.predictions.seed[kept]))]


def _units(columns: Columns) -> Rows:
    """Return (N,) codes of what is swapped whole: a dialogue, or else a speaker in a session."""
    without = columns.dialogue == NONE
    keys = np.stack(
        [
            columns.dialogue,
            np.where(without, columns.speaker, NONE),
            np.where(without, columns.session, NONE),
        ]
    )
    return np.unique(keys, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
