"""How far probabilities can be believed, as a metrics file tells it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memr_cli.reporting.values import Value, number


@dataclass(frozen=True)
class Bin:
    """Decisions of like confidence: its mean, the share that were right, and how many they are."""

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error and area under the risk-coverage curve.

    temperatures: one for each fold and seed where they were fitted.
    """

    brier: Value
    ece: Value
    aurc: Value
    bins: tuple[Bin, ...]
    temperatures: tuple[float, ...]

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Calibration | None":
        """Read `calibration`; None where the method gives no probabilities to judge."""
        bins = [_bin(one) for one in value.get("bins") or ()]
        if not bins or any(value.get(name) is None for name in ("brier", "ece", "aurc")):
            return None
        return cls(
            brier=Value.parse(value["brier"]),
            ece=Value.parse(value["ece"]),
            aurc=Value.parse(value["aurc"]),
            bins=tuple(one for one in bins if one is not None),
            temperatures=tuple(
                float(one["temperature"]) for one in value.get("temperatures") or ()
            ),
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
    n = int(value["n"])
    return None if confidence is None or accuracy is None or n < 1 else Bin(confidence, accuracy, n)
