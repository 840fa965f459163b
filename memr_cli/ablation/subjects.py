"""A method with its trained models, deciding whatever rows it is shown.

Letters: N utterances of the store, m rows shown, n of them decided, M members of a vote (1 for
other methods), C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.fusing import Fusions, fusions
from memr_cli.experiment.models import Models, ensure_models, usable
from memr_cli.methods.method import Arrays, CombiningMethod, Fitted, Method, Need, TrainedMethod

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Learned:
    """The weights of each model of a fold and seed, and what a combination of them is fitted to."""

    arrays: Sequence[Arrays]
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class Subject:
    """A method, the models it rests on, and the modalities that each of these uses.

    usable: (M, N) which utterances each can score as they are in the store. fusions: what a
    combination learned.
    """

    method: Method
    models: Sequence[Models]
    modalities: Sequence[tuple[str, ...]]
    usable: Mask
    fusions: Fusions

    @classmethod
    def made(
        cls, experiment: Experiment, method: Method, members: Sequence[TrainedMethod]
    ) -> "Subject":
        """Train what is missing of the members. Raises UnsupportedError as that does."""
        models = [ensure_models(experiment, member) for member in members]
        modalities = [member.modalities(experiment.held) for member in members]
        able = np.stack([usable(experiment, member) for member in members])
        return cls(method, models, modalities, able, fusions(experiment, method, models))

    def scored(self, experiment: Experiment) -> Mask:
        """(N,) which utterances the method scores."""
        if isinstance(self.method, CombiningMethod):
            return self.method.usable(self.usable, experiment.settings.preset)
        single: Mask = self.usable[0]
        return single

    def learned(self, fold: int, seed: int) -> Learned:
        """What was learned in one fold with one seed."""
        arrays = [models.checkpoint(fold, seed).arrays for models in self.models]
        fusion = self.fusions.get((fold, seed))
        return Learned(arrays, {} if fusion is None else fusion.fitted)

    @property
    def reads_dialogues(self) -> bool:
        """Whether what it says of an utterance depends on the others of its dialogue."""
        return any(Need.DIALOGUES in models.method.needs for models in self.models)

    def decide(
        self, learned: Learned, shown: Dataset, rows: Rows, asked: Rows, otherwise: int
    ) -> Rows:
        """Decide those asked for (n,) of the m utterances of `shown`: (n,) class indices.

        rows: (m,) which utterances of the store are shown. A row that no member can decide gets the
        class `otherwise`.
        """
        able = np.stack([self._able(place, shown, rows) for place in range(len(self.models))])
        able = able[:, asked]  # (M, n)
        probabilities = np.zeros((*able.shape, len(shown.class_names)))  # (M, n, C)
        for place, models in enumerate(self.models):
            at = asked[able[place]]
            if at.size:
                probabilities[place, able[place]] = models.method.predict(
                    learned.arrays[place], shown, models.settings, at
                )
        decided = np.full(len(asked), otherwise, np.int64)
        someone = able.any(axis=0)
        if someone.any():
            decided[someone] = self._combined(
                probabilities[:, someone], able[:, someone], learned.fitted
            )
        return decided

    def _able(self, place: int, shown: Dataset, rows: Rows) -> Mask:
        """(m,) which utterances of `shown`, `rows` of the store, a member decides.

        Those that it can score as they are in the store, where any of its modalities is left: in
        the dialogue of the utterance, if it reads dialogues.
        """
        left = np.logical_or.reduce([shown.present[name] for name in self.modalities[place]])
        if Need.DIALOGUES in self.models[place].method.needs:
            dialogue = shown.dialogues.of
            left = np.bincount(dialogue, weights=left)[dialogue] > 0
            if not isinstance(self.method, CombiningMethod):
                # Also one retrained with less decides every turn that the whole one scores.
                return left
        able: Mask = self.usable[place, rows] & left
        return able

    def _combined(self, probabilities: NDArray[np.float64], able: Mask, fitted: Fitted) -> Rows:
        if isinstance(self.method, CombiningMethod):
            return self.method.combine(probabilities, able, fitted).predicted
        decided: NDArray[np.int64] = probabilities[0].argmax(axis=1)
        return decided


def rested_on(experiment: Experiment, method: Method, left: Sequence[str]) -> list[TrainedMethod]:
    """The trained methods that a method rests on where only the modalities `left` exist."""
    found = []
    for member in experiment.members(method):
        uses = member.modalities(experiment.held)
        kept = [name for name in uses if name in left]
        if kept:
            found.append(member if len(kept) == len(uses) else member.only(kept))
    return found


def differs_retrained(experiment: Experiment, method: Method) -> bool:
    """Whether training without a modality gives other models than those there are."""
    return any(len(member.modalities(experiment.held)) > 1 for member in experiment.members(method))
