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
        interval = value.get("ci95")
        if interval is not None:
            low, high = interval
            interval = None if low is None or high is None else (float(low), float(high))
        return cls(
            mean=_number(value["mean"]),
            std=_number(value["std"]),
            folds=tuple(_number(fold) for fold in value["folds"]),
            ci95=interval,
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
            test=tuple(map(str, value["test"])),
            validation=tuple(map(str, value.get("validation") or ())),
            train=tuple(map(str, value.get("train") or ())),
            n_test=int(value["n_test"]),
            n_validation=int(value.get("n_validation") or 0),
            n_train=int(value.get("n_train") or 0),
        )


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class as fractions, over all test utterances at once."""

    precision: float | None
    recall: float | None
    f1: float | None
    support: int


@dataclass(frozen=True)
class Leakage:
    """What training and test share; shares are of test utterances."""

    speakers: int
    dialogues: float | None
    identical: Mapping[str, float]

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Leakage":
        """Read `leakage`; `dialogues` is None where the corpus has no dialogues."""
        dialogues = value.get("dialogues")
        identical = value.get("identical") or {}
        shares = {str(name): _number(entry["share"]) for name, entry in identical.items()}
        return cls(
            speakers=int(value.get("speakers") or 0),
            dialogues=None if dialogues is None else _number(dialogues["share"]),
            identical={name: share for name, share in shares.items() if share is not None},
        )


@dataclass(frozen=True)
class Evaluated:
    """A method under a protocol, scored.

    counts: (C, C) utterances by true row and predicted column, summed over folds and seeds;
    fold_counts: (K, C, C) the same by fold. ties: number and share of tied votes, None where the
    method does not vote. left_out: labelled test utterances that lack the modality. hashes: of the
    files that the scores were made with, by path below the output folder.
    """

    method: str
    store: str
    fingerprint: str
    protocol: str
    description: str
    folds: tuple[Fold, ...]
    preset: str
    seeds: tuple[int, ...]
    overrides: Mapping[str, Any]
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
    notes: tuple[str, ...]
    hashes: Mapping[str, str]

    @property
    def voters(self) -> tuple[str, ...]:
        """The modalities the method uses; of a vote, those who vote."""
        return tuple(map(str, self.settings.get("modalities") or ()))

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Evaluated":
        """Read the object of a metrics file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is not shaped as one.
        """
        settings, protocol, ties = value["settings"], value["protocol"], value.get("ties")
        names, counts, fold_counts = _confusion(value["confusion"])
        evaluated = cls(
            method=str(value["method"]),
            store=_file_name(str(value["store"])),
            fingerprint=str(value["fingerprint"]),
            protocol=str(protocol["name"]),
            description=str(protocol.get("description") or ""),
            folds=tuple(Fold.parse(fold) for fold in protocol["folds"]),
            preset=str(value["preset"]),
            seeds=_seeds(settings),
            overrides=dict(settings.get("overrides") or {}),
            settings=dict(settings),
            versions=dict(value.get("versions") or settings.get("versions") or {}),
            synthetic=bool(value["synthetic"]),
            n=int(value["n"]),
            left_out=int(value.get("left_out") or 0),
            scores={name: Score.parse(value["metrics"][name]) for name in METRICS},
            per_class={str(k): _class_score(v) for k, v in value["per_class"].items()},
            class_names=names,
            counts=counts,
            fold_counts=fold_counts,
            ties=None if ties is None else (int(ties["count"]), float(ties["share"])),
            leakage=Leakage.parse(value.get("leakage") or {}),
            notes=tuple(map(str, value.get("notes") or ())),
            hashes=dict(value["hashes"]),
        )
        evaluated._check()
        return evaluated

    def _check(self) -> None:
        k, c = len(self.folds), len(self.class_names)
        if k == 0 or c == 0 or self.n <= 0:
            raise ValueError("it scores nothing")
        if self.counts.shape != (c, c) or self.fold_counts.shape != (k, c, c):
            raise ValueError("its confusion counts do not fit its classes and folds")
        if any(len(score.folds) != k for score in self.scores.values()):
            raise ValueError("its scores do not fit its folds")
        if set(self.per_class) != set(self.class_names):
            raise ValueError("its per-class scores do not fit its classes")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _class_score(value: Mapping[str, Any]) -> ClassScore:
    return ClassScore(
        precision=_number(value["precision"]),
        recall=_number(value["recall"]),
        f1=_number(value["f1"]),
        support=int(value["support"]),
    )


def _seeds(settings: Mapping[str, Any]) -> tuple[int, ...]:
    first, count = int(settings["seed"]), int(settings.get("seeds") or 1)
    return tuple(range(first, first + count))


def _file_name(store: str) -> str:
    # A store may be named by a relative path from one folder and by a full one from another.
    return PurePath(store.replace("\\", "/")).name or store


def _confusion(
    value: Mapping[str, Any],
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    return (
        tuple(map(str, value["labels"])),
        np.array(value["counts"], dtype=np.int64),
        np.array(value["folds"], dtype=np.int64),
    )
