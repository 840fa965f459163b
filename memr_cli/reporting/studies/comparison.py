"""Methods compared in pairs over the same utterances, as `memr compare` writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from memr_cli.reporting.studies.study import Study
from memr_cli.reporting.terms import Terms
from memr_cli.reporting.values import Bounds, bounds, count, flag, items, named, number, text

METRICS = {"accuracy": "accuracy", "uar": "UAR", "f1_macro": "macro-F1"}
"""What is compared, and what people call it."""


MARKS = "* p < 0.05, ** p < 0.01, *** p < 0.001"


@dataclass(frozen=True)
class Difference:
    """Second less first in one metric, as fractions; p after a permutation test.

    p_holm: p after Holm's correction within the metric. t_p: p of the corrected resampled t-test
    with t_df degrees of freedom.
    """

    first: float | None
    second: float | None
    difference: float | None
    ci95: Bounds | None
    p: float | None
    p_holm: float | None
    t_p: float | None
    t_df: float | None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> "Difference":
        """Read one entry of a pair's `metrics`."""
        t = named(value.get("t"))
        return cls(
            first=number(value["first"]),
            second=number(value["second"]),
            difference=number(value["difference"]),
            ci95=bounds(value.get("ci95")),
            p=number(value.get("p")),
            p_holm=number(value.get("p_holm")),
            t_p=number(t.get("p")),
            t_df=number(t.get("df")),
        )

    def turned(self) -> "Difference":
        """First less second."""
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=None if self.difference is None else -self.difference,
            ci95=self.ci95 and (-self.ci95[1], -self.ci95[0]),
        )

    @property
    def is_significant(self) -> bool:
        """Whether p after Holm's correction is below 0.05."""
        return self.p_holm is not None and self.p_holm < 0.05

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
        p = 1.0 if self.p_holm is None else self.p_holm
        stars = "*" * sum(p < level for level in (0.05, 0.01, 0.001))
        return f"({stars})" if stars and self.reaches_zero else stars


@dataclass(frozen=True)
class Pair:
    """Two methods by their labels, and how they differ by metric."""

    first: str
    second: str
    metrics: Mapping[str, Difference]
    sentence: str

    def less(self, label: str) -> "Pair":
        """The same with the method called `label` as the one that is taken away."""
        if self.first == label:
            return self
        turned = {name: found.turned() for name, found in self.metrics.items()}
        return Pair(self.second, self.first, turned, self.sentence)

    @property
    def label(self) -> str:
        """What the differences are of, the minuend first."""
        return f"{self.second} \N{MINUS SIGN} {self.first}"


@dataclass(frozen=True)
class Compared:
    """One of the methods: what a pair calls it, and which result it is.

    votes: whether it has votes in place of probabilities, so that it is never an ensemble.
    """

    label: str
    method: str
    metrics: str
    preset: str
    settings: Mapping[str, Any]
    votes: bool


@dataclass(frozen=True)
class Comparison(Study):
    """Pairs of methods over the `n` utterances that all of them scored.

    clusters: what the bootstrap resampled, in words. hashes: of the files that were compared.
    """

    methods: tuple[Compared, ...]
    n: int
    left_out: int
    clusters: str
    bootstrap: int
    permutations: int
    pairs: tuple[Pair, ...]
    hashes: Mapping[str, str]

    @classmethod
    def parse(cls, value: Mapping[str, Any], path: PurePath) -> "Comparison":
        """Read the object of a comparison's file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is not shaped as one.
        """
        replicates = named(value.get("replicates"))
        parsed = cls(
            **cls.shared(value, path),
            methods=tuple(_compared(one) for one in items(value["methods"])),
            n=count(value["n"]),
            left_out=count(value.get("left_out")),
            clusters=_clusters(named(value.get("clusters"))),
            bootstrap=count(replicates.get("bootstrap")),
            permutations=count(replicates.get("permutation")),
            pairs=tuple(_pair(one) for one in items(value["pairs"])),
            hashes={name: text(said) for name, said in named(value.get("hashes")).items()},
        )
        if len(parsed.methods) < 2 or not parsed.pairs:
            raise ValueError("it compares nothing")
        return parsed

    @property
    def is_large(self) -> bool:
        """Whether there are more pairs than one can look at one by one."""
        return len(self.pairs) > _MOST_PAIRS

    @property
    def reference(self) -> str:
        """The label of the method with the highest mean accuracy over these utterances."""
        found: dict[str, float] = {}
        for pair in self.pairs:
            accuracy = pair.metrics["accuracy"]
            found[pair.first], found[pair.second] = accuracy.first or 0.0, accuracy.second or 0.0
        return max(found, key=lambda label: found[label])

    @property
    def shown(self) -> tuple[Pair, ...]:
        """The pairs to look at: all, or where there are too many each other method less one."""
        if not self.is_large:
            return self.pairs
        one = self.reference
        return tuple(pair.less(one) for pair in self.pairs if one in (pair.first, pair.second))


_MOST_PAIRS = 12


def _compared(value: Mapping[str, Any]) -> Compared:
    compared = Compared(
        label=text(value["label"]),
        method=text(value["method"]),
        metrics=text(value.get("metrics")),
        preset=text(value["preset"]),
        settings=named(value["settings"]),
        votes=flag(value.get("votes")),
    )
    Terms.parse(compared.preset, compared.settings)  # they are compared with those of results
    return compared


def _pair(value: Mapping[str, Any]) -> Pair:
    return Pair(
        first=text(value["first"]),
        second=text(value["second"]),
        metrics={name: Difference.parse(value["metrics"][name]) for name in METRICS},
        sentence=text(value.get("sentence")),
    )


def _clusters(value: Mapping[str, Any]) -> str:
    """`3 sessions and the 90 dialogues in them`."""
    if not value.get("kind"):
        return ""
    told = f"{count(value['n'])} {text(value['kind'])}"
    dialogues = count(value.get("dialogues"))
    return f"{told}, then the {dialogues} dialogues in them" if dialogues else told
