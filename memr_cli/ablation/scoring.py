"""From decisions under every condition to scores, curves and Shapley values.

Letters: n test rows, S seeds, K folds, M modalities, C classes, R replicates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.ablation.conditions import (
    DRAWS,
    LEVELS,
    SHARES,
    Absent,
    Lossy,
    Noisy,
    coalitions,
)
from memr_cli.ablation.decisions import Decisions, FoldDecisions
from memr_cli.data.dataset import Dataset
from memr_cli.evaluation.bootstrap import Sample, clustered_interval, middle, replicate_scores
from memr_cli.evaluation.metrics import Table, metrics_of, scores
from memr_cli.evaluation.shapley import shapley
from memr_cli.experiment.scoring import BOOTSTRAP_SEED, fraction
from memr_cli.results.ablation import LossPoint, NoisePoint, Spread, SpreadWithInterval, Worth

METRICS = tuple(metric.key for metric in metrics_of(Table.ABLATE))
REPLICATES = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one condition by metric, and their replicates (R,), None without intervals."""

    metrics: dict[str, SpreadWithInterval]
    replicates: Mapping[str, Floats] | None


class Scorer:
    """Scores of one method's decisions over the same test rows, under any condition."""

    def __init__(self, data: Dataset, folds: Sequence[FoldDecisions]) -> None:
        self._data, self._folds = data, folds
        self._rows = np.concatenate([fold.rows for fold in folds])
        self._outer, outer_name = data.columns.clusters(self._rows)
        # The clusters of intervals are the same under every condition.
        intervals, self.notes = clustered_interval(
            self._sample(Absent(0)), self._generator(), replicates=1, outer_name=outer_name
        )
        self._has_intervals = intervals["accuracy"] is not None

    def scored(self, condition: Absent) -> Scored:
        """Mean and standard deviation over folds with an interval."""
        replicates = None
        if self._has_intervals:
            replicates = replicate_scores(self._sample(condition), self._generator(), REPLICATES)
        metrics = {
            name: SpreadWithInterval(
                mean=fraction(by_fold.mean()),
                std=fraction(by_fold.std()),
                ci95=None if replicates is None else middle(replicates[name]),
            )
            for name, by_fold in self._by_fold(lambda fold: [fold.decided[condition]]).items()
        }
        return Scored(metrics, replicates)

    def mean(self, decisions: Callable[[FoldDecisions], Sequence[Decisions]]) -> dict[str, Spread]:
        """Mean and standard deviation over folds; within them, over draws and seeds."""
        return {
            name: Spread(mean=fraction(by_fold.mean()), std=fraction(by_fold.std()))
            for name, by_fold in self._by_fold(decisions).items()
        }

    def _by_fold(
        self, decisions: Callable[[FoldDecisions], Sequence[Decisions]]
    ) -> dict[str, Floats]:
        """(K,) each metric's mean over draws and seeds. decisions: of a fold, (S, n) a draw."""
        n_classes = len(self._data.class_names)
        by_fold = []
        for fold in self._folds:
            true = self._data.columns.label[fold.rows].astype(np.int64)
            decided = np.concatenate(list(decisions(fold)))
            by_fold.append(scores(_confusions(true, decided, n_classes)))
        return {
            name: np.stack([of_fold[name] for of_fold in by_fold], axis=1).mean(axis=0)
            for name in METRICS
        }

    def _sample(self, condition: Absent) -> Sample:
        """Every scored row of every seed."""
        columns = self._data.columns
        n_seeds = len(self._folds[0].decided[condition])
        by_seed = [fold.decided[condition] for fold in self._folds]
        fold = np.repeat([of.fold for of in self._folds], [len(of.rows) for of in self._folds])
        return Sample(
            fold=np.tile(fold, n_seeds),
            seed=np.repeat(np.arange(n_seeds), len(self._rows)),
            true=np.tile(columns.label[self._rows].astype(np.int64), n_seeds),
            predicted=np.concatenate(by_seed, axis=1).reshape(-1),
            outer=np.tile(self._outer, n_seeds),
            inner=np.tile(columns.dialogue[self._rows], n_seeds),
            n_classes=len(self._data.class_names),
        )

    def _generator(self) -> np.random.Generator:
        """Of one state for all conditions: their replicates are paired."""
        return np.random.default_rng(BOOTSTRAP_SEED)


def shapley_values(
    by_coalition: Sequence[Scored], modalities: Sequence[str]
) -> dict[str, dict[str, Worth]]:
    """Return each modality's Shapley value for each metric, from all coalitions by number."""
    result = {}
    for name in METRICS:
        means = [scored.metrics[name].mean for scored in by_coalition]
        values = shapley(np.array(means, np.float64))
        replicates = [
            scored.replicates[name] for scored in by_coalition if scored.replicates is not None
        ]
        drawn = shapley(np.stack(replicates)) if replicates else None
        result[name] = {
            modality: Worth(
                value=fraction(values[position]),
                ci95=None if drawn is None else middle(drawn[position]),
            )
            for position, modality in enumerate(modalities)
        }
    return result


def noise_curves(scorer: Scorer, modalities: Sequence[str]) -> tuple[NoisePoint, ...]:
    """Scores with noise in all modalities at once, then in each."""
    return tuple(
        NoisePoint(
            modality=modality, level=level, metrics=scorer.mean(_with_noise(modality, level))
        )
        for modality in (None, *modalities)
        for level in LEVELS
    )


def _with_noise(
    modality: str | None, level: float
) -> Callable[[FoldDecisions], Sequence[Decisions]]:
    conditions = [Noisy(modality, level, draw) for draw in range(DRAWS)]
    return lambda fold: [fold.decided[condition] for condition in conditions]


def loss_curves(scorer: Scorer, modalities: Sequence[str]) -> tuple[LossPoint, ...]:
    """Scores where each modality of each utterance is lost at random, then where one alone is."""
    return tuple(
        LossPoint(
            modality=modality,
            share=share,
            metrics=scorer.mean(under_loss(modalities, modality, share)),
        )
        for modality in (None, *modalities)
        for share in SHARES
    )


def under_loss(
    modalities: Sequence[str], modality: str | None, share: float
) -> Callable[[FoldDecisions], Sequence[Decisions]]:
    """A fold's decisions, draw by draw, with a modality (or each: None) lost with this chance."""
    conditions = [Lossy(modality, share, draw) for draw in range(DRAWS)]
    return lambda fold: [fold.under_loss(modalities, condition) for condition in conditions]


def all_coalitions(
    scorer: Scorer, n_modalities: int, *, retrained: frozenset[int] = frozenset()
) -> list[Scored]:
    """Scores of all coalitions by number; of those in `retrained`, trained with these alone."""
    return [
        scorer.scored(Absent(number, retrained=number in retrained))
        for number in sorted(coalitions(n_modalities))
    ]


def _confusions(true: NDArray[np.int64], decided: Decisions, n_classes: int) -> NDArray[np.int64]:
    """(A, C, C) confusion counts of decisions (A, n) on rows of the classes `true` (n,)."""
    n_sets, cells = len(decided), n_classes**2
    cell = np.arange(n_sets)[:, None] * cells + true * n_classes + decided
    counted = np.bincount(cell.reshape(-1), minlength=n_sets * cells)
    return counted.reshape(n_sets, n_classes, n_classes)
