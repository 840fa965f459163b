"""What a method decides under every condition, fold by fold.

Letters: N utterances of the store, n test rows of a fold, m rows shown, D dims of a modality, S
seeds, K folds, M modalities, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memr_cli.ablation.conditions import (
    Absent,
    Condition,
    Lossy,
    Noisy,
    chances,
    coalitions,
    lossy,
    members_of,
    noisy,
)
from memr_cli.ablation.showing import Shown
from memr_cli.ablation.subjects import Learned, Subject
from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import deviations
from memr_cli.evaluation.protocols import Fold
from memr_cli.experiment.experiment import Experiment

Decisions = NDArray[np.int64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoldDecisions:
    """What was decided on a fold's test rows (n,) under each condition: (S, n) class indices."""

    fold: int
    rows: Rows
    tested: Rows
    """Of the fold's test rows, the positions of those scored."""
    n_tested: int
    """How many test rows the fold has, scored or not."""
    decided: dict[Condition, Decisions] = field(default_factory=dict)

    def under_loss(self, modalities: Sequence[str], condition: Lossy) -> Decisions:
        """(S, n) with one of the modalities lost at random, or each by itself.

        Where losses were not shown, a row's decision depends on what is left of that row alone, so
        those of the coalitions are put together.
        """
        if condition in self.decided:
            return self.decided[condition]
        left = np.zeros(len(self.rows), np.int64)  # (n,) coalition numbers
        for place, name in enumerate(modalities):
            kept = np.ones(len(self.rows), np.bool_)
            if condition.modality in (None, name):
                drawn = chances(name, self.fold, condition.draw, self.n_tested)
                kept = drawn[self.tested] >= condition.share
            left |= kept.astype(np.int64) << place
        by_coalition = np.stack([self.decided[Absent(c)] for c in range(1 << len(modalities))])
        return by_coalition[left, :, np.arange(len(self.rows))].T


def measure(
    experiment: Experiment,
    subject: Subject,
    modalities: Sequence[str],
    retrained: Mapping[int, Subject],
) -> list[FoldDecisions]:
    """Have the method decide every fold's test rows under every condition.

    retrained: by coalition, the method trained with these modalities alone.
    """
    scored = subject.scored(experiment)
    found = [_nothing_yet(fold, scored) for fold in experiment.folds]
    conditions: list[Condition] = [Absent(c) for c in coalitions(len(modalities))]
    conditions += noisy(modalities)
    if subject.reads_dialogues:  # what a row loses bears on its neighbours
        conditions += lossy(modalities)
    conditions += [Absent(c, retrained=True) for c in retrained]
    jobs = [(fold, condition) for fold in found for condition in conditions]
    bench: _Bench | None = None
    for fold, condition in experiment.place.progress(
        jobs, f"{subject.method.name} ablated", total=len(jobs)
    ):
        if bench is None or bench.found is not fold:
            bench = _Bench(experiment, subject, modalities, fold)
        if isinstance(condition, Noisy):
            decided = bench.with_noise(condition)
        elif isinstance(condition, Lossy):
            decided = bench.with_loss(condition)
        elif condition.retrained:
            decided = bench.retrained(retrained[condition.coalition])
        else:
            decided = bench.without(condition.coalition)
        fold.decided[condition] = decided
    return found


def _nothing_yet(fold: Fold, scored: NDArray[np.bool_]) -> FoldDecisions:
    tested = np.flatnonzero(scored[fold.test])
    return FoldDecisions(fold.index, fold.test[tested], tested, len(fold.test))


class _Bench:
    """One fold's test rows, shown to the models of every seed in one way after another."""

    def __init__(
        self,
        experiment: Experiment,
        subject: Subject,
        modalities: Sequence[str],
        found: FoldDecisions,
    ) -> None:
        self.found, self._experiment, self._subject = found, experiment, subject
        self._modalities, self._data = modalities, experiment.data
        train = experiment.folds[found.fold].train
        self._otherwise = most_frequent(self._data, train)
        self._deviations = {
            name: deviations(self._data.features([name]), train) for name in modalities
        }
        self._learned = self._learned_of(subject)
        self._shown = Shown.of(subject, self._data, experiment.folds[found.fold], found.tested)
        self._as_it_is = self._data.excerpt(self._shown.rows)
        self._drawn: tuple[int, dict[str, NDArray[np.float32]]] = (-1, {})

    def without(self, coalition: int) -> Decisions:
        """(S, n) with the modalities of a coalition alone, the others lost."""
        left = members_of(coalition, self._modalities)
        all_rows = np.ones(len(self._shown.rows), np.bool_)
        lost = {name: all_rows for name in self._modalities if name not in left}
        shown = self._data.excerpt(self._shown.rows, lost) if lost else self._as_it_is
        return self._decided(self._subject, self._learned, shown)

    def retrained(self, subject: Subject) -> Decisions:
        """(S, n) of the method trained with some modalities alone."""
        return self._decided(subject, self._learned_of(subject), self._as_it_is)

    def with_noise(self, condition: Noisy) -> Decisions:
        """(S, n) with noise added to one modality, or to each."""
        if self._drawn[0] != condition.draw:
            self._drawn = (condition.draw, self._draw(condition.draw))
        level = np.float32(condition.level)
        added = {name: level * self._drawn[1][name] for name in self._named(condition)}
        shown = self._data.excerpt(self._shown.rows, added=added)
        return self._decided(self._subject, self._learned, shown)

    def with_loss(self, condition: Lossy) -> Decisions:
        """(S, n) where every row shown has lost one modality at random, or each by itself."""
        lost = {
            name: self._shown.chances(name, condition.draw) < condition.share
            for name in self._named(condition)
        }
        shown = self._data.excerpt(self._shown.rows, lost)
        return self._decided(self._subject, self._learned, shown)

    def _named(self, condition: Noisy | Lossy) -> Sequence[str]:
        return self._modalities if condition.modality is None else [condition.modality]

    def _draw(self, draw: int) -> dict[str, NDArray[np.float32]]:
        """(m, D) noise of one standard deviation for each modality."""
        return {
            name: self._shown.noise(name, draw, len(deviation)) * deviation
            for name, deviation in self._deviations.items()
        }

    def _learned_of(self, subject: Subject) -> list[Learned]:
        return [subject.learned(self.found.fold, seed) for seed in self._experiment.settings.seeds]

    def _decided(self, subject: Subject, learned: Sequence[Learned], shown: Dataset) -> Decisions:
        rows, asked, otherwise = self._shown.rows, self._shown.asked, self._otherwise
        return np.stack(
            [subject.decide(of_seed, shown, rows, asked, otherwise) for of_seed in learned]
        )


def most_frequent(data: Dataset, rows: Rows) -> int:
    """The class that most of these rows have; of several, the one listed first."""
    return int(np.bincount(data.columns.label[rows], minlength=len(data.class_names)).argmax())
