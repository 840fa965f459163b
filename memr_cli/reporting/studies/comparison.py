"""A comparison as the report shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec

from memr_cli.evaluation.metrics import Table, metrics_of
from memr_cli.reporting.studies.study import Study
from memr_cli.results import comparison
from memr_cli.results.comparison import ComparedMethod
from memr_cli.results.schema import Interval

METRICS = {metric.key: metric.label for metric in metrics_of(Table.COMPARE)}
"""What is compared, and its label."""

MARKS = "* p < 0.05, ** p < 0.01, *** p < 0.001"

_MOST_PAIRS = 12


@dataclass(frozen=True, eq=False)
class Difference:
    """The difference of two methods in one metric, second less first, as fractions."""

    result: comparison.Difference

    @property
    def first(self) -> float:
        """Mean score of the first."""
        return self.result.first

    @property
    def second(self) -> float:
        """Mean score of the second."""
        return self.result.second

    @property
    def difference(self) -> float:
        """Second less first."""
        return self.result.difference

    @property
    def ci95(self) -> Interval | None:
        """Its interval."""
        return self.result.ci95

    @property
    def p_holm(self) -> float:
        """P after Holm's correction within the metric."""
        return self.result.p_holm

    def turned(self) -> "Difference":
        """Return first less second."""
        own = self.result
        return Difference(
            msgspec.structs.replace(
                own,
                first=own.second,
                second=own.first,
                difference=-own.difference,
                ci95=own.ci95 and (-own.ci95[1], -own.ci95[0]),
            )
        )

    @property
    def is_significant(self) -> bool:
        """Whether p after Holm's correction is below 0.05."""
        return self.p_holm < 0.05

    @property
    def reaches_zero(self) -> bool:
        """Whether the interval holds 0; where there is none it contradicts nothing."""
        return self.ci95 is not None and self.ci95[0] <= 0 <= self.ci95[1]

    @property
    def stands(self) -> bool:
        """Whether the permutation test finds a difference and the interval does not reach 0."""
        return self.is_significant and not self.reaches_zero

    @property
    def marks(self) -> str:
        """Stars for p after Holm's correction: below 0.05, 0.01 and 0.001.

        In brackets where the interval reaches 0.
        """
        stars = "*" * sum(self.p_holm < level for level in (0.05, 0.01, 0.001))
        return f"({stars})" if stars and self.reaches_zero else stars


@dataclass(frozen=True)
class Pair:
    """Two methods by their labels, and how they differ by metric."""

    first: str
    second: str
    metrics: Mapping[str, Difference]
    sentence: str

    def less(self, label: str) -> "Pair":
        """Return the same with the method called `label` as the one that is taken away."""
        if self.first == label:
            return self
        turned = {name: found.turned() for name, found in self.metrics.items()}
        return Pair(self.second, self.first, turned, self.sentence)

    @property
    def label(self) -> str:
        """What the differences are of, the minuend first."""
        return f"{self.second} \N{MINUS SIGN} {self.first}"


@dataclass(frozen=True, eq=False)
class Comparison(Study):
    """Methods compared in pairs over the utterances that all of them scored."""

    result: comparison.Comparison

    @property
    def methods(self) -> tuple[ComparedMethod, ...]:
        """The methods that are compared."""
        return self.result.methods

    @property
    def n(self) -> int:
        """Utterances that all of them scored."""
        return self.result.n

    @property
    def left_out(self) -> int:
        """Utterances that only some of them scored."""
        return self.result.left_out

    @property
    def bootstrap(self) -> int:
        """Replicates of the bootstrap."""
        return self.result.replicates.bootstrap

    @property
    def permutations(self) -> int:
        """Arrangements of the permutation test."""
        return self.result.replicates.permutation

    @property
    def hashes(self) -> Mapping[str, str]:
        """Hashes of the files that were compared."""
        return self.result.hashes

    @property
    def clusters(self) -> str:
        """What the bootstrap resampled: `3 sessions, then the 90 dialogues in them`."""
        own = self.result.clusters
        outer = f"{own.n} {own.kind}"
        return f"{outer}, then the {own.dialogues} dialogues in them" if own.dialogues else outer

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Each pair that was compared."""
        return tuple(
            Pair(
                one.first,
                one.second,
                {name: Difference(found) for name, found in one.metrics.items()},
                one.sentence,
            )
            for one in self.result.pairs
        )

    @property
    def is_large(self) -> bool:
        """Whether there are more pairs than one can look at one by one."""
        return len(self.pairs) > _MOST_PAIRS

    @property
    def reference(self) -> str:
        """The label of the method with the highest mean accuracy over these utterances."""
        found: dict[str, float] = {}
        for pair in self.result.pairs:
            accuracy = pair.metrics["accuracy"]
            found[pair.first], found[pair.second] = accuracy.first, accuracy.second
        return max(found, key=lambda label: found[label])

    @property
    def shown(self) -> tuple[Pair, ...]:
        """The pairs to look at: all, or where there are too many each other method less one."""
        if not self.is_large:
            return self.pairs
        one = self.reference
        return tuple(pair.less(one) for pair in self.pairs if one in (pair.first, pair.second))
