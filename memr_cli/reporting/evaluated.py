"""One evaluated method as its metrics file tells it, with the shapes checked.

Letters: K folds, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.metrics import METRICS
from memr_cli.reporting.calibration import Calibration
from memr_cli.reporting.terms import Terms
from memr_cli.reporting.values import (
    MOST_COUNT,
    bounds,
    count,
    flag,
    items,
    named,
    number,
    some_number,
    text,
    texts,
)
from memr_cli.reporting.weighing import Fusion, ModalityWeights


@dataclass(frozen=True)
class Score:
    """One metric, as fractions; None where it is undefined. `folds` holds K values."""

    mean: float | None
    std: float | None
    folds: tuple[float | None, ...]
    ci95: tuple[float, float] | None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Score":
        """Read one entry of `metrics`."""
        return cls(
            mean=number(value["mean"]),
            std=number(value["std"]),
            folds=tuple(number(fold) for fold in items(value["folds"])),
            ci95=bounds(value.get("ci95")),
        )


@dataclass(frozen=True)
class Fold:
    """Who one fold tested, who chose its epoch, who trained it, and how many utterances each."""

    test: tuple[str, ...]
    validation: tuple[str, ...]
    train: tuple[str, ...]
    n_test: int
    n_validation: int
    n_train: int

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Fold":
        """Read one entry of `protocol.folds`."""
        return cls(
            test=texts(value["test"]),
            validation=texts(value.get("validation")),
            train=texts(value.get("train")),
            n_test=count(value["n_test"]),
            n_validation=count(value.get("n_validation")),
            n_train=count(value.get("n_train")),
        )


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class as fractions, over all test utterances at once."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class Slice:
    """The utterances of one speaker or session: how many, and how they are scored."""

    n: int
    f1_micro: float | None
    uar: float | None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Slice":
        """Read one entry of `by_speaker` or `by_session`."""
        return cls(count(value["n"]), number(value["f1_micro"]), number(value.get("uar")))


@dataclass(frozen=True)
class Leakage:
    """What training and test share; shares are of test utterances.

    as_context: whether training read the test turns of shared dialogues, without their labels.
    """

    speakers: int
    dialogues: float | None
    identical: Mapping[str, float]
    as_context: bool = False

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Leakage":
        """Read `leakage`; `dialogues` is None where the corpus has no dialogues.

        Earlier files do not say what was read as context: nothing was.
        """
        dialogues = value.get("dialogues")
        identical = named(value.get("identical"))
        shares = {name: number(entry["share"]) for name, entry in identical.items()}
        return cls(
            speakers=count(value.get("speakers")),
            dialogues=None if dialogues is None else number(dialogues["share"]),
            identical={name: share for name, share in shares.items() if share is not None},
            as_context=flag(named(dialogues).get("as_context")),
        )


@dataclass(frozen=True)
class Evaluated:
    """A method under a protocol, scored.

    counts: (C, C) utterances by true row and predicted column, summed over folds and seeds;
    fold_counts: (K, C, C) the same by fold. ties: number and share of tied votes, None where the
    method does not vote. left_out: labelled test utterances that lack the modality. transductive:
    whether features of test utterances, without their labels, shaped the model's input.
    calibration: None where there are no probabilities to judge. modality_weights: None where it
    weighs no modalities. fusion: what a combination learned, by fold and seed. hashes: of the files
    that the scores were made with, by path below the output folder.
    """

    method: str
    store: str
    fingerprint: str
    protocol: str
    description: str
    folds: tuple[Fold, ...]
    preset: str
    settings: Mapping[str, Any]
    versions: Mapping[str, Any]
    synthetic: bool
    n: int
    left_out: int
    scores: Mapping[str, Score]
    per_class: Mapping[str, ClassScore]
    class_names: tuple[str, ...]
    counts: NDArray[np.int64]
    fold_counts: NDArray[np.int64]
    ties: tuple[int, float] | None
    leakage: Leakage
    transductive: bool
    calibration: Calibration | None
    by_speaker: Mapping[str, Slice]
    by_session: Mapping[str, Slice]
    modality_weights: ModalityWeights | None
    fusion: tuple[Fusion, ...]
    notes: tuple[str, ...]
    hashes: Mapping[str, str]

    @property
    def voters(self) -> tuple[str, ...]:
        """The modalities the method uses; of a vote, those who vote."""
        return texts(self.settings.get("modalities"))

    @property
    def votes(self) -> bool:
        """Whether it has shares of votes in place of probabilities."""
        return self.ties is not None

    @property
    def runs(self) -> int:
        """How often an utterance is scored and counted: once a seed, as an ensemble once."""
        return 1 if self.terms.ensemble else len(self.terms.seeds)

    @property
    def sees_dialogues(self) -> bool:
        """Whether turns of test dialogues, without labels, are context in training."""
        return self.leakage.as_context

    @property
    def terms(self) -> Terms:
        """What its settings share with every result that may stand beside it."""
        return Terms.parse(self.preset, self.settings)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Evaluated":
        """Read the object of a metrics file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is not shaped as one.
        """
        settings, protocol, ties = value["settings"], value["protocol"], value.get("ties")
        names, counts, fold_counts = _confusion(value["confusion"])
        evaluated = cls(
            method=text(value["method"]),
            store=store_file_name(text(value["store"])),
            fingerprint=text(value["fingerprint"]),
            protocol=text(protocol["name"]),
            description=text(protocol.get("description")),
            folds=tuple(Fold.parse(fold) for fold in items(protocol["folds"])),
            preset=text(value["preset"]),
            settings=named(settings),
            versions=named(value.get("versions") or settings.get("versions")),
            synthetic=flag(value["synthetic"]),
            n=count(value["n"]),
            left_out=count(value.get("left_out")),
            scores={name: Score.parse(value["metrics"][name]) for name in METRICS},
            per_class={k: _class_score(v) for k, v in named(value["per_class"]).items()},
            class_names=names,
            counts=counts,
            fold_counts=fold_counts,
            ties=None if ties is None else (count(ties["count"]), some_number(ties["share"])),
            leakage=Leakage.parse(named(value.get("leakage"))),
            transductive=flag(value.get("transductive")),
            calibration=Calibration.parse(named(value.get("calibration"))),
            by_speaker=_slices(value.get("by_speaker")),
            by_session=_slices(value.get("by_session")),
            modality_weights=ModalityWeights.parse(value.get("modality_weights")),
            fusion=tuple(map(Fusion.parse, items(value.get("fusion")))),
            notes=texts(value.get("notes")),
            hashes=named(value["hashes"]),
        )
        evaluated._check()
        if not evaluated.terms.seeds or len(evaluated.voters) > len(set(evaluated.voters)):
            raise ValueError("its settings name no seed, or a modality twice")
        return evaluated

    def _check(self) -> None:
        k, c = len(self.folds), len(self.class_names)
        if k == 0 or c == 0 or self.n <= 0:
            raise ValueError("it scores nothing")
        if self.counts.shape != (c, c) or self.fold_counts.shape != (k, c, c):
            raise ValueError("its confusion counts do not fit its classes and folds")
        if any(len(score.folds) != k for score in self.scores.values()):
            raise ValueError("its scores do not fit its folds")
        if len(self.per_class) != c or set(self.per_class) != set(self.class_names):
            raise ValueError("its per-class scores do not fit its classes")
        small = self.fold_counts.min() >= 0 and self.fold_counts.max() <= MOST_COUNT
        if not small or not (self.fold_counts.sum(axis=0) == self.counts).all():
            raise ValueError("its confusion counts do not fit each other")
        if not self.counts.any() or not all(fold.test for fold in self.folds):
            raise ValueError("it scores nothing")


def _class_score(value: Mapping[str, Any]) -> ClassScore:
    return ClassScore(
        precision=number(value["precision"]),
        recall=number(value["recall"]),
        f1=number(value["f1"]),
        support=count(value["support"]),
    )


def _slices(value: Any) -> Mapping[str, Slice]:
    return {name: Slice.parse(one) for name, one in named(value).items()}


def store_file_name(store: str) -> str:
    """The file name of a store that may be named by any path, relative or whole."""
    return PurePath(store).name or store


def _confusion(
    value: Mapping[str, Any],
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    return (
        texts(value["labels"]),
        np.array(items(value["counts"]), dtype=np.int64),
        np.array(items(value["folds"]), dtype=np.int64),
    )
