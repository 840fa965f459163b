"""One evaluated method as the report shows it.

Letters: K folds, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.reporting.calibration import Calibration
from memr_cli.reporting.terms import Terms
from memr_cli.reporting.weighing import Fusion, ModalityWeights
from memr_cli.results.evaluation import ClassScore, Evaluation, Fold, GroupScore, Score, Ties
from memr_cli.results.schema import to_json


@dataclass(frozen=True, eq=False)
class Evaluated:
    """A result with what the report derives from it. Raises ValueError where it has no store."""

    result: Evaluation

    def __post_init__(self) -> None:
        """Refuse a result that belongs to no store."""
        if not self.result.store or not self.result.fingerprint:
            raise ValueError("it names no store")

    @property
    def method(self) -> str:
        """The method's name."""
        return self.result.method

    @property
    def store(self) -> str:
        """The file name of the store."""
        return store_file_name(self.result.store or "")

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the store's content."""
        return self.result.fingerprint or ""

    @property
    def protocol(self) -> str:
        """The protocol's name."""
        return self.result.protocol.name

    @property
    def description(self) -> str:
        """The protocol in words."""
        return self.result.protocol.description or ""

    @property
    def folds(self) -> tuple[Fold, ...]:
        """(K,) the folds."""
        return self.result.protocol.folds

    @property
    def preset(self) -> str:
        """The preset's name."""
        return self.result.preset

    @cached_property
    def setting_values(self) -> Mapping[str, Any]:
        """Every setting by name, as JSON has it."""
        return to_json(self.result.settings)

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of memr and of libraries."""
        return self.result.versions

    @property
    def synthetic(self) -> bool:
        """Whether the corpus is synthetic."""
        return self.result.synthetic

    @property
    def n(self) -> int:
        """Test utterances that it scores."""
        return self.result.n

    @property
    def left_out(self) -> int:
        """Labelled test utterances that it cannot score."""
        return self.result.left_out

    @property
    def scores(self) -> Mapping[str, Score]:
        """Its scores by key of the metric."""
        return self.result.metrics

    @property
    def per_class(self) -> Mapping[str, ClassScore]:
        """Its scores by class."""
        return self.result.per_class

    @property
    def class_names(self) -> tuple[str, ...]:
        """(C,) the classes."""
        return self.result.class_names

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(C, C) decisions by true row and predicted column, summed over folds and runs."""
        return self.result.counts

    @cached_property
    def fold_counts(self) -> NDArray[np.int64]:
        """(K, C, C) the same by fold."""
        return self.result.fold_counts

    @property
    def ties(self) -> Ties | None:
        """Tied votes; None for a method that does not vote."""
        return self.result.ties or None

    @property
    def voters(self) -> tuple[str, ...]:
        """The modalities that it uses; of a vote, those who vote."""
        return self.result.settings.modalities

    @property
    def is_unimodal(self) -> bool:
        """Whether it is the classifier of one modality, which it is named after."""
        return self.voters == (self.method,)

    @property
    def votes(self) -> bool:
        """Whether it has shares of votes in place of probabilities."""
        return self.result.votes

    @property
    def shared_speakers(self) -> int:
        """Speakers who are both trained on and tested."""
        return self.result.leakage.speakers

    @property
    def shared_dialogues(self) -> float | None:
        """Share of test utterances whose dialogue is in training; None without dialogues."""
        shared = self.result.leakage.dialogues
        return None if shared is None else shared.share

    @property
    def identical(self) -> Mapping[str, float]:
        """Share of test vectors that occur in training bit for bit, by modality."""
        found = self.result.leakage.identical.items()
        return {name: overlap.share for name, overlap in found if overlap.share is not None}

    @property
    def sees_dialogues(self) -> bool:
        """Whether turns of test dialogues, without labels, are context in training."""
        return self.result.reads_test_dialogues

    @property
    def transductive(self) -> bool:
        """Whether features of test utterances, without labels, shaped the model's input."""
        return self.result.transductive

    @cached_property
    def calibration(self) -> Calibration | None:
        """How far its probabilities can be trusted; None for votes."""
        return Calibration.of(self.result.calibration)

    @property
    def by_speaker(self) -> Mapping[str, GroupScore]:
        """Its scores by speaker; empty where it has none."""
        return self.result.by_speaker or {}

    @property
    def by_session(self) -> Mapping[str, GroupScore]:
        """Its scores by session; empty where it has none."""
        return self.result.by_session or {}

    @cached_property
    def modality_weights(self) -> ModalityWeights | None:
        """Its mean weights of modalities, where it has any."""
        return ModalityWeights.of(self.result.modality_weights or None)

    @cached_property
    def fusion(self) -> tuple[Fusion, ...]:
        """What a combination learned, by fold and seed."""
        return tuple(map(Fusion.of, self.result.fusion or ()))

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on its figures."""
        return self.result.notes

    @property
    def hashes(self) -> Mapping[str, str]:
        """Hashes of the files it was made with, by path below the output folder."""
        return self.result.hashes

    @property
    def runs(self) -> int:
        """How often an utterance is scored: once a seed, or once for an ensemble."""
        return len(self.result.settings.runs)

    @cached_property
    def terms(self) -> Terms:
        """The settings that it shares with every result of the same table."""
        return Terms.of(self.preset, self.result.settings)


def store_file_name(store: str) -> str:
    """Return the file name of a store that may be named by any path, relative or whole."""
    return PurePath(store).name or store
