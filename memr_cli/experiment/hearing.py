"""What the models of one fold and seed say about rows, and which rows none of them trained on.

Letters: n rows, M members of a combination (1 for other methods), C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.models import Models, restricted_folds, selected_arrays, usable

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Opinions:
    """Class probabilities (M, n, C) of each member, 0 where it has none; present: (M, n)."""

    probabilities: NDArray[np.float64]
    present: NDArray[np.bool_]


def opinions(
    experiment: Experiment,
    models: Sequence[Models],
    fold: int,
    seed: int,
    rows: Rows,
    *,
    blind: bool = False,
) -> Opinions:
    """What each member says of `rows`; if blind, as it was before it trained on validation rows.

    Raises UnsupportedError where that is no number.
    """
    present = np.stack([usable(experiment, member.method)[rows] for member in models])
    probabilities = np.zeros((*present.shape, len(experiment.data.class_names)))
    for position, member in enumerate(models):
        able = present[position]
        if able.any():
            arrays = member.checkpoint(fold, seed).arrays
            probabilities[position, able] = member.method.predict(
                selected_arrays(arrays) if blind else arrays,
                experiment.data,
                member.settings,
                rows[able],
            )
            member.refuse_undefined(probabilities[position], fold, seed)
    return Opinions(probabilities, present)


def blind_rows(experiment: Experiment, models: Sequence[Models]) -> list[Rows]:
    """For each fold, the validation rows that no member, as it was when blind, trained on.

    Members that lack other modalities may have other validation rows: what chooses the epoch of
    one is nothing to fit a combination on if another was fitted on it.
    """
    by_member = [restricted_folds(experiment, member.method) for member in models]
    found = []
    for of_fold in zip(*by_member, strict=True):
        validation = np.unique(np.concatenate([fold.validation for fold in of_fold]))
        trained_on = np.concatenate([fold.fit for fold in of_fold])
        found.append(np.setdiff1d(validation, trained_on))
    return found
