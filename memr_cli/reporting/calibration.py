"""How far probabilities can be believed, as a metrics file tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memr_cli.reporting.values import Value, count, items, number, some_number


@dataclass(frozen=True)
class Bin:
    """Decisions of like confidence: its mean, the share that were right, and how many they are."""

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error and area under the risk-coverage curve.

    ece: over all test utterances at once, since that of a small fold lies above 0 by chance.
    temperatures: one for each fold and seed where they were fitted. unfitted: of how many more
    folds and seeds no temperature was best.
    """

    brier: Value
    ece: float | None
    aurc: Value
    bins: tuple[Bin, ...]
    temperatures: tuple[float, ...]
    unfitted: int

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Calibration | None":
        """Read `calibration`; None where the method gives no probabilities to judge."""
        bins = [one for one in map(_bin, items(value.get("bins"))) if one is not None]
        if not bins or any(value.get(name) is None for name in ("brier", "ece", "aurc")):
            return None
        fitted = items(value.get("temperatures"))
        return cls(
            brier=Value.parse(value["brier"]),
            ece=number(value["ece"].get("pooled")),
            aurc=Value.parse(value["aurc"]),
            bins=tuple(bins),
            temperatures=tuple(
                some_number(one["temperature"]) for one in fitted if one.get("fitted", True)
            ),
            unfitted=sum(not one.get("fitted", True) for one in fitted),
        )

    @property
    def surest(self) -> tuple[float, float]:
        """Mean confidence, and the share that was right, in the surest third of the bins."""
        ordered = sorted(self.bins, key=lambda one: -one.confidence)
        bins = ordered[: -(-len(ordered) // 3)]
        total = sum(one.n for one in bins)
        claimed = sum(one.n * one.confidence for one in bins)
        return claimed / total, sum(one.n * one.accuracy for one in bins) / total


def _bin(value: Mapping[str, Any]) -> Bin | None:
    confidence, accuracy = number(value["confidence"]), number(value["accuracy"])
    n = count(value["n"])
    return None if confidence is None or accuracy is None or n < 1 else Bin(confidence, accuracy, n)
