"""The decisions of a method under every condition, fold by fold.

Letters: N utterances of the store, n test rows of a fold, m rows shown, D dims of a modality, S
seeds, M members of a combination (1 for other methods), C classes.
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
    noise,
    noisy,
)
from memr_cli.data.dataset import Dataset
from memr_cli.data.scaling import deviations
from memr_cli.evaluation.columns import NONE
from memr_cli.evaluation.protocols import Fold
from memr_cli.experiment.predictions import Fusions, fit_fusions
from memr_cli.experiment.trial import Trial
from memr_cli.methods.method import Arrays, Fitted

Decisions = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FoldDecisions:
    """Decisions on a fold's test rows (n,) under each condition: (S, n) class indices.

    tested: positions of the scored rows among the fold's test rows, of which there are n_tested.
    """

    fold: int
    rows: Rows
    tested: Rows
    n_tested: int
    decided: dict[Condition, Decisions] = field(default_factory=dict)

    def under_loss(self, modalities: Sequence[str], condition: Lossy) -> Decisions:
        """(S, n) with one of the modalities lost at random, or each by itself.

        Where losses were not measured, a row's decision depends on what is left of that row alone,
        so it is taken from the decisions of the coalitions.
        """
        if condition in self.decided:
            return self.decided[condition]
        left = np.zeros(len(self.rows), np.int64)  # (n,) coalition numbers
        for position, name in enumerate(modalities):
            kept = np.ones(len(self.rows), np.bool_)
            if condition.modality in (None, name):
                drawn = chances(name, self.fold, condition.draw, self.n_tested)
                kept = drawn[self.tested] >= condition.share
            left |= kept.astype(np.int64) << position
        by_coalition = np.stack([self.decided[Absent(c)] for c in range(1 << len(modalities))])
        return by_coalition[left, :, np.arange(len(self.rows))].T


def decide(
    trial: Trial, modalities: Sequence[str], retrained: Mapping[int, Trial]
) -> list[FoldDecisions]:
    """Decide every fold's test rows under every condition; makes the models that are missing.

    retrained: by coalition, the method trained with these modalities alone.
    """
    fusions = {c: fit_fusions(other) for c, other in retrained.items()}
    whole, found = fit_fusions(trial), [_empty(trial, fold) for fold in trial.experiment.folds]
    conditions: list[Condition] = [Absent(c) for c in coalitions(len(modalities))]
    conditions += noisy(modalities)
    if trial.reads_dialogues:  # the prediction for a row depends on what its neighbours lose
        conditions += lossy(modalities)
    conditions += [Absent(c, retrained=True) for c in retrained]
    jobs = [(fold, condition) for fold in found for condition in conditions]
    bench: _FoldBench | None = None
    progress = trial.experiment.place.progress
    for fold, condition in progress(jobs, f"{trial.name} ablated", total=len(jobs)):
        if bench is None or bench.found is not fold:
            bench = _FoldBench(trial, whole, modalities, fold)
        if isinstance(condition, Noisy):
            decided = bench.with_noise(condition)
        elif isinstance(condition, Lossy):
            decided = bench.with_loss(condition)
        elif condition.retrained:
            coalition = condition.coalition
            decided = bench.retrained(retrained[coalition], fusions[coalition])
        else:
            decided = bench.without(condition.coalition)
        fold.decided[condition] = decided
    return found


def _empty(trial: Trial, fold: Fold) -> FoldDecisions:
    tested = np.flatnonzero(trial.usable[fold.test])
    return FoldDecisions(fold.index, fold.test[tested], tested, len(fold.test))


@dataclass(frozen=True, eq=False)
class _Learned:
    """The weights of each member's model of a fold and seed, and what a combination learned."""

    trial: Trial
    arrays: Sequence[Arrays]
    fitted: Fitted

    def decide(self, shown: Dataset, rows: Rows, asked: Rows, otherwise: int) -> Rows:
        """Decide those asked for (n,) of the m utterances of `shown`: (n,) class indices.

        rows: (m,) rows of the store that are shown. A row that no member can decide gets the class
        `otherwise`.
        """
        members = self.trial.members
        able = np.stack([self._able(at, shown, rows) for at in range(len(members))])
        able = able[:, asked]  # (M, n)
        probabilities = np.zeros((*able.shape, len(shown.class_names)))  # (M, n, C)
        for position, member in enumerate(members):
            at = asked[able[position]]
            if at.size:
                probabilities[position, able[position]] = member.method.predict(
                    self.arrays[position], shown, member.settings, at
                )
        decided = np.full(len(asked), otherwise, np.int64)
        some = able.any(axis=0)
        if some.any():
            decided[some] = self._combine(probabilities[:, some], able[:, some])
        return decided

    def _able(self, position: int, shown: Dataset, rows: Rows) -> Mask:
        """(m,) the utterances of `shown`, `rows` of the store, that a member decides.

        Those that it can score as they are in the store, where any of its modalities is left: in
        the dialogue of the utterance, if it reads dialogues.
        """
        member = self.trial.members[position]
        left = np.logical_or.reduce([shown.present[name] for name in member.modalities])
        if member.reads_dialogues:
            dialogue = shown.dialogues.of
            left = np.bincount(dialogue, weights=left)[dialogue] > 0
            if self.trial.combination is None:
                # One retrained with less also decides every turn that the whole one scores.
                return left
        able: Mask = member.usable[rows] & left
        return able

    def _combine(self, probabilities: NDArray[np.float64], able: Mask) -> Rows:
        if self.trial.combination is not None:
            return self.trial.combination.combine(probabilities, able, self.fitted).predicted
        decided: Rows = probabilities[0].argmax(axis=1)
        return decided


@dataclass(frozen=True, eq=False)
class _Shown:
    """The rows of the store that a method is shown where it decides a fold's test rows.

    rows: (m,), ascending where dialogues are shown. asked: (n,) positions among them of those that
    are decided. tested: (m,) the position of each among the fold's test rows, NONE for one that is
    there for its dialogue alone.
    """

    fold: Fold
    rows: Rows
    asked: Rows
    tested: Rows

    @classmethod
    def of(cls, trial: Trial, fold: Fold, scored: Rows) -> "_Shown":
        """The test rows scored, positions (n,) in `fold.test`.

        Where the method reads dialogues, all turns of all test rows' dialogues, whoever speaks them
        and with or without labels.
        """
        if not trial.reads_dialogues:
            return cls(fold, fold.test[scored], np.arange(len(scored)), scored)
        dialogue = trial.data.dialogues.of
        rows = np.flatnonzero(np.isin(dialogue, dialogue[fold.test]))
        tested = np.full(len(trial.data.ids), NONE, np.int64)
        tested[fold.test] = np.arange(len(fold.test))
        return cls(fold, rows, np.searchsorted(rows, fold.test[scored]), tested[rows])

    def noise(self, modality: str, draw: int, dim: int) -> NDArray[np.float32]:
        """(m, D) standard normal noise, the same for all methods on test rows."""
        drawn = noise(modality, self.fold.index, draw, (len(self.fold.test), dim))[self.tested]
        around = self.tested == NONE
        if around.any():
            shape = (int(around.sum()), dim)
            drawn[around] = noise(modality, self.fold.index, draw, shape, around=True)
        return drawn

    def chances(self, modality: str, draw: int) -> NDArray[np.float64]:
        """(m,) from 0 to 1: a row loses the modality where the share lost is above this."""
        drawn = chances(modality, self.fold.index, draw, len(self.fold.test))[self.tested]
        around = self.tested == NONE
        drawn[around] = chances(modality, self.fold.index, draw, int(around.sum()), around=True)
        return drawn


class _FoldBench:
    """One fold's test rows, shown to the models of every seed under one condition after another."""

    def __init__(
        self, trial: Trial, fusions: Fusions, modalities: Sequence[str], found: FoldDecisions
    ) -> None:
        self.found, self._trial, self._modalities = found, trial, modalities
        self._data = trial.data
        fold = trial.experiment.folds[found.fold]
        self._otherwise = most_frequent(self._data, fold.train)
        self._deviations = {
            name: deviations(self._data.features([name]), fold.train) for name in modalities
        }
        self._learned = self._learned_of(trial, fusions)
        self._shown = _Shown.of(trial, fold, found.tested)
        self._unchanged = self._data.excerpt(self._shown.rows)
        self._drawn: tuple[int, dict[str, NDArray[np.float32]]] = (-1, {})

    def without(self, coalition: int) -> Decisions:
        """(S, n) with the modalities of a coalition alone, the others lost."""
        left = members_of(coalition, self._modalities)
        all_rows = np.ones(len(self._shown.rows), np.bool_)
        lost = {name: all_rows for name in self._modalities if name not in left}
        shown = self._data.excerpt(self._shown.rows, lost) if lost else self._unchanged
        return self._decided(self._learned, shown)

    def retrained(self, trial: Trial, fusions: Fusions) -> Decisions:
        """(S, n) of the method trained with some modalities alone."""
        return self._decided(self._learned_of(trial, fusions), self._unchanged)

    def with_noise(self, condition: Noisy) -> Decisions:
        """(S, n) with noise added to one modality, or to each."""
        if self._drawn[0] != condition.draw:
            self._drawn = (condition.draw, self._draw(condition.draw))
        level = np.float32(condition.level)
        added = {name: level * self._drawn[1][name] for name in self._affected(condition)}
        return self._decided(self._learned, self._data.excerpt(self._shown.rows, added=added))

    def with_loss(self, condition: Lossy) -> Decisions:
        """(S, n) where every row shown has lost one modality at random, or each by itself."""
        lost = {
            name: self._shown.chances(name, condition.draw) < condition.share
            for name in self._affected(condition)
        }
        return self._decided(self._learned, self._data.excerpt(self._shown.rows, lost))

    def _affected(self, condition: Noisy | Lossy) -> Sequence[str]:
        return self._modalities if condition.modality is None else [condition.modality]

    def _draw(self, draw: int) -> dict[str, NDArray[np.float32]]:
        """(m, D) noise of one standard deviation for each modality."""
        return {
            name: self._shown.noise(name, draw, len(deviation)) * deviation
            for name, deviation in self._deviations.items()
        }

    def _learned_of(self, trial: Trial, fusions: Fusions) -> list[_Learned]:
        found = []
        for seed in trial.experiment.settings.seeds:
            fold = self.found.fold
            arrays = [member.models.checkpoint(fold, seed).arrays for member in trial.members]
            fusion = fusions.get((fold, seed))
            found.append(_Learned(trial, arrays, {} if fusion is None else fusion.fitted))
        return found

    def _decided(self, learned: Sequence[_Learned], shown: Dataset) -> Decisions:
        rows, asked, otherwise = self._shown.rows, self._shown.asked, self._otherwise
        return np.stack([one.decide(shown, rows, asked, otherwise) for one in learned])


def most_frequent(data: Dataset, rows: Rows) -> int:
    """Return the class that most of these rows have; of several, the one listed first."""
    return int(np.bincount(data.columns.label[rows], minlength=len(data.class_names)).argmax())
