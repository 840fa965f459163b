"""The calibration of a method, as the report shows it."""

from dataclasses import dataclass

from memr_cli.results import evaluation
from memr_cli.results.evaluation import Bin, Measure


@dataclass(frozen=True)
class Calibration:
    """Brier score, expected calibration error and area under the risk-coverage curve.

    ece: over all test utterances at once, since that of a small fold is above 0 by chance.
    temperatures: one for each fold and run where they were fitted. unfitted: folds and runs for
    which no temperature was best.
    """

    brier: Measure
    ece: float
    aurc: Measure
    bins: tuple[Bin, ...]
    temperatures: tuple[float, ...]
    unfitted: int

    @classmethod
    def of(cls, found: evaluation.Calibration) -> "Calibration | None":
        """Return what the report shows; None where there are no probabilities to judge."""
        bins = tuple(one for one in found.bins or () if one.n)
        if not bins or found.brier is None or found.ece is None or found.aurc is None:
            return None
        temperatures = found.temperatures or ()
        return cls(
            brier=found.brier,
            ece=found.ece.pooled,
            aurc=found.aurc,
            bins=bins,
            temperatures=tuple(one.temperature for one in temperatures if one.fitted),
            unfitted=sum(not one.fitted for one in temperatures),
        )

    @property
    def surest(self) -> tuple[float, float]:
        """Mean confidence, and the share that was right, in the surest third of the bins."""
        ordered = sorted(self.bins, key=lambda one: -one.confidence)
        bins = ordered[: -(-len(ordered) // 3)]
        total = sum(one.n for one in bins)
        claimed = sum(one.n * one.confidence for one in bins)
        return claimed / total, sum(one.n * one.accuracy for one in bins) / total
