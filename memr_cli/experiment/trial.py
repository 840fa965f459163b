"""One method in an experiment: its members, modalities, folds and runs.

Letters: N utterances of the store, M members of a combination (1 for other methods).
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.data.dataset import Dataset
from memr_cli.errors import MethodUnsupportedError
from memr_cli.evaluation.protocols import Fold, restrict
from memr_cli.experiment.experiment import Experiment
from memr_cli.experiment.keys import training_key
from memr_cli.learning.settings import TrainingSettings
from memr_cli.methods.method import CombiningMethod, Method, Need, TrainedMethod
from memr_cli.results.folder import ResultFolder
from memr_cli.results.settings import Settings, TrainingValues
from memr_cli.vocabulary import Calibration, Preset

if TYPE_CHECKING:
    from memr_cli.experiment.models import Models

FEW = 10
"""Utterances below which a speaker's mean and spread are poor estimates."""


@dataclass(frozen=True, eq=False)
class Member:
    """A trained method in an experiment: its settings, usable rows, folds and models.

    loaded: the modalities that are read together for all methods of a run.
    """

    experiment: Experiment
    method: TrainedMethod
    loaded: tuple[str, ...]

    @property
    def data(self) -> Dataset:
        """The utterances and features it works on."""
        return self.experiment.data(self.loaded)

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that it uses."""
        return self.method.modalities(self.experiment.held)

    @cached_property
    def settings(self) -> TrainingSettings:
        """How it is trained. Raises UsageError for an override that cannot work."""
        asked = self.experiment.settings
        return self.method.settings(asked.preset, asked.overrides)

    @cached_property
    def by_speaker(self) -> frozenset[str]:
        """Those of its modalities that are normalised by speaker."""
        return self.experiment.by_speaker(self.modalities)

    @property
    def reads_dialogues(self) -> bool:
        """Whether its prediction for an utterance depends on others of the dialogue."""
        return Need.DIALOGUES in self.method.needs

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) the utterances that it can learn from and score."""
        present = {name: self.data.present[name] for name in self.modalities}
        return self.method.usable(present, self.settings)

    @cached_property
    def folds(self) -> list[Fold]:
        """The protocol's folds with the rows that it can use."""
        subject = f"method {self.method.name}"
        return [
            restrict(fold, self.usable, self.data.columns, subject)
            for fold in self.experiment.folds
        ]

    def key(self, fold: int | None = None, seed: int | None = None) -> str:
        """Return the key of all its models, or of the one of a fold and seed."""
        return training_key(
            self.experiment.store.fingerprint,
            self.method,
            self.experiment.settings,
            self.settings,
            self.by_speaker,
            fold=fold,
            seed=seed,
        )

    @cached_property
    def models(self) -> "Models":
        """The models of every fold and seed; those that are missing or stale are trained."""
        from memr_cli.experiment.models import ensure_models  # not needed for a fresh result

        return ensure_models(self)


@dataclass(frozen=True, eq=False)
class Trial:
    """A method in an experiment.

    members: the trained methods that it rests on, or the method itself. loaded: the modalities that
    are read together for all trials of a run.
    """

    experiment: Experiment
    method: Method
    members: tuple[Member, ...]
    loaded: tuple[str, ...]

    @property
    def name(self) -> str:
        """The method's name."""
        return self.method.name

    @property
    def data(self) -> Dataset:
        """The utterances and features it works on."""
        return self.experiment.data(self.loaded)

    @property
    def folder(self) -> ResultFolder:
        """The output folder."""
        return self.experiment.folder

    @property
    def protocol(self) -> str:
        """The name of the protocol."""
        return self.experiment.settings.protocol

    @property
    def path(self) -> Path:
        """The metrics file of its evaluation."""
        return self.folder.metrics(self.protocol, self.name)

    @cached_property
    def combination(self) -> CombiningMethod | None:
        """The method, where it combines others."""
        return self.method if isinstance(self.method, CombiningMethod) else None

    @cached_property
    def modalities(self) -> list[str]:
        """The modalities that it, or any of its members, uses."""
        used = {name for member in self.members for name in member.modalities}
        return [name for name in self.experiment.held if name in used]

    @property
    def votes(self) -> bool:
        """Whether its probabilities are shares of votes."""
        return self.combination is not None and self.combination.votes

    @property
    def learns(self) -> bool:
        """Whether it is fitted on validation rows, as some combinations are."""
        return self.combination is not None and self.combination.learns

    @property
    def is_calibrated(self) -> bool:
        """Whether its probabilities are calibrated; shares of votes never are."""
        return self.experiment.settings.calibrate is not Calibration.NONE and not self.votes

    @property
    def is_ensemble(self) -> bool:
        """Whether the probabilities of its seeds are averaged; shares of votes never are."""
        return self.experiment.settings.ensemble and not self.votes

    @property
    def runs(self) -> list[tuple[int, ...]]:
        """Seeds whose probabilities are averaged together; a run is listed under its first seed."""
        seeds = self.experiment.settings.seeds
        return [tuple(seeds)] if self.is_ensemble else [(seed,) for seed in seeds]

    @property
    def reads_dialogues(self) -> bool:
        """Whether its prediction for an utterance depends on others of the dialogue."""
        return any(member.reads_dialogues for member in self.members)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """(N,) the utterances that it can score."""
        by_member = np.stack([member.usable for member in self.members])
        if self.combination is None:
            single: NDArray[np.bool_] = by_member[0]
            return single
        return self.combination.usable(by_member, self.experiment.settings.preset)

    @cached_property
    def folds(self) -> list[Fold]:
        """The protocol's folds with the rows that it can use.

        Raises MethodUnsupportedError where it can score no test row of a fold, or learns from
        validation rows and has none.
        """
        self.refuse_unlearnable()
        subject, columns = f"method {self.name}", self.data.columns
        folds = [restrict(fold, self.usable, columns, subject) for fold in self.experiment.folds]
        untested = [str(fold.index) for fold in folds if not fold.test.size]
        if untested:
            raise MethodUnsupportedError(
                f"method {self.name} can score no test utterance of fold {', '.join(untested)}, "
                "since what it needs is missing there. Use another method or protocol."
            )
        return folds

    def refuse_unlearnable(self) -> None:
        """Raise MethodUnsupportedError for a combination that learns where nothing is held out."""
        if self.learns and self.experiment.settings.preset is Preset.ORIGINAL:
            raise MethodUnsupportedError(
                f"method {self.name} is fitted on validation rows, and --preset original has none. "
                "Use --preset default, or --method late-mean, which learns nothing."
            )

    def with_members(self, methods: Sequence[TrainedMethod]) -> "Trial":
        """Return the same trial with other trained methods as its members."""
        members = tuple(Member(self.experiment, method, self.loaded) for method in methods)
        return replace(self, members=members)

    @cached_property
    def n_context(self) -> int:
        """Test utterances in dialogues that training reads as a whole."""
        from memr_cli.evaluation.leakage import in_trained_dialogues  # not for a fresh result

        columns = self.data.columns
        read = np.zeros(len(columns.label), np.bool_)
        for member in self.members:
            if member.reads_dialogues:
                for fold in member.folds:
                    read[fold.test] |= in_trained_dialogues(columns, fold)
        return int(read.sum())

    @property
    def is_transductive(self) -> bool:
        """Whether features of test utterances, without labels, shape what the method sees."""
        return any(member.by_speaker for member in self.members) or self.n_context > 0

    def settings(self, models: "Sequence[Models]", *, retrain: bool | None = None) -> Settings:
        """Return every value that shaped the numbers. models: of each member."""
        asked = self.experiment.settings
        values = {member.method.name: asdict(member.settings) for member in self.members}
        common: dict[str, Any] = {
            "seed": asked.seed,
            "seeds": asked.n_seeds,
            "modalities": tuple(name for member in self.members for name in member.modalities),
            "subset": str(asked.subset),
            "normalize": {name: str(asked.normalization(name)) for name in self.modalities},
            "ensemble": self.is_ensemble,
            "calibrate": str(asked.calibrate) if self.is_calibrated else None,
            "overrides": dict(asked.overrides),
            "device": ", ".join(sorted({fact.device for one in models for fact in one.facts})),
            "n_parameters": sum(one.facts[0].n_parameters for one in models),
        }
        if retrain is not None:
            common["retrain"] = retrain
        if self.combination is not None:
            refit = self.members[0].settings.refit
            trained = {name: TrainingValues(**value) for name, value in values.items()}
            return Settings(**common, refit=refit, members=trained)
        return Settings(**common, **values[self.name])

    def notes(self) -> Iterator[str]:
        """Yield notes on what the method is shown: test utterances, turns in unknown order."""
        n_unordered = self.experiment.holdings.n_unordered if self.reads_dialogues else 0
        if n_unordered:
            yield (
                f"{n_unordered} dialogues have turns whose place is unknown, and are read in the "
                "order of the listing; a column `turn` in the raw data tells it"
            )
        if self.n_context:
            yield (
                f"{self.n_context} test utterances lie in dialogues that are trained on, and "
                "training reads them there as context, without labels: transductive"
            )
        yield from self._speaker_notes()

    def _speaker_notes(self) -> Iterator[str]:
        found = {name for member in self.members for name in member.by_speaker}
        names = [name for name in self.experiment.held if name in found]
        if not names:
            return
        yield (
            f"{', '.join(names)} features are normalised by speaker, test speakers by their own "
            "features, without labels: transductive"
        )
        if self.reads_dialogues:
            yield (
                "a speaker's mean and spread are those of all their turns, so that no turn is "
                "decided by earlier ones alone, whatever the method"
            )
        for name in names:
            n_present = np.bincount(self.data.columns.speaker[self.data.present[name]])
            few = int(((n_present > 0) & (n_present < FEW)).sum())
            if few:
                yield (
                    f"{few} speakers have fewer than {FEW} utterances with {name} features, and "
                    "little of these is left once a speaker is normalised"
                )
