"""A method with its trained models, deciding whatever rows it is shown.

Letters: N utterances of the store, n rows shown, M members of a vote (1 for other methods), C
classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.dataset import Dataset
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.models import Models, ensure_models
from memr_cli.methods.method import Arrays, CombiningMethod, Method, TrainedMethod

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Subject:
    """A method, the models it rests on, and the modalities that each of these uses.

    usable: (M, N) which utterances each can score as they are in the store.
    """

    method: Method
    models: Sequence[Models]
    modalities: Sequence[tuple[str, ...]]
    usable: Mask

    @classmethod
    def made(
        cls, experiment: Experiment, method: Method, members: Sequence[TrainedMethod]
    ) -> "Subject":
        """Train what is missing of the members. Raises UnsupportedError as that does."""
        models = [ensure_models(experiment, member) for member in members]
        modalities = [member.modalities(experiment.held) for member in members]
        present = experiment.data.present
        usable = [
            of_member.method.usable({name: present[name] for name in names}, of_member.settings)
            for of_member, names in zip(models, modalities, strict=True)
        ]
        return cls(method, models, modalities, np.stack(usable))

    def scored(self, experiment: Experiment) -> Mask:
        """(N,) which utterances the method scores."""
        if isinstance(self.method, CombiningMethod):
            return self.method.usable(self.usable, experiment.settings.preset)
        single: Mask = self.usable[0]
        return single

    def arrays(self, fold: int, seed: int) -> list[Arrays]:
        """The weights of each of its models."""
        return [models.checkpoint(fold, seed).arrays for models in self.models]

    def decide(
        self, arrays: Sequence[Arrays], shown: Dataset, rows: NDArray[np.int64], otherwise: int
    ) -> NDArray[np.int64]:
        """Decide the utterances of `shown`, which are `rows` of the store: (n,) class indices.

        A member takes part where it can score the row as it is in the store, and any of its
        modalities is left in `shown`. A row that none can decide gets the class `otherwise`.
        """
        left = [
            np.logical_or.reduce([shown.present[name] for name in names])
            for names in self.modalities
        ]
        able = self.usable[:, rows] & np.stack(left)  # (M, n)
        probabilities = np.zeros((*able.shape, len(shown.class_names)))  # (M, n, C)
        for place, models in enumerate(self.models):
            at = np.flatnonzero(able[place])
            if at.size:
                probabilities[place, at] = models.method.predict(
                    arrays[place], shown, models.settings, at
                )
        decided = np.full(len(rows), otherwise, np.int64)
        someone = able.any(axis=0)
        if someone.any():
            decided[someone] = self._combined(probabilities[:, someone], able[:, someone])
        return decided

    def _combined(self, probabilities: NDArray[np.float64], able: Mask) -> NDArray[np.int64]:
        if isinstance(self.method, CombiningMethod):
            return self.method.combine(probabilities, able, {}).predicted
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
