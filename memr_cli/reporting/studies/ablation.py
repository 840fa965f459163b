"""What each modality is worth to a method, as `memr ablate` writes it. Letter: M modalities."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from memr_cli.reporting.studies.comparison import METRICS
from memr_cli.reporting.studies.study import Study
from memr_cli.reporting.terms import Terms
from memr_cli.reporting.values import (
    Value,
    bounds,
    count,
    items,
    named,
    number,
    some_number,
    text,
    texts,
)
from memr_cli.reporting.weighing import modalities

Scores = Mapping[str, Value]


@dataclass(frozen=True)
class Subset:
    """Scores by metric with these modalities alone: the others absent at test time, or throughout.

    retrained is None where no model was trained without the others.
    """

    modalities: tuple[str, ...]
    scores: Scores
    retrained: Scores | None


@dataclass(frozen=True)
class Point:
    """Scores by metric at one level of noise or share of loss; modality is None for all at once."""

    modality: str | None
    level: float
    scores: Scores


@dataclass(frozen=True)
class Ablation(Study):
    """One method without some of its M modalities.

    subsets: all 2^M by size. shapley, shapley_retrained: by metric and modality, fractions.
    """

    method: str
    preset: str
    settings: Mapping[str, Any]
    n: int
    modalities: tuple[str, ...]
    subsets: tuple[Subset, ...]
    shapley: Mapping[str, Scores]
    shapley_retrained: Mapping[str, Scores] | None
    noise: tuple[Point, ...]
    loss: tuple[Point, ...]
    versions: Mapping[str, Any]

    @classmethod
    def parse(cls, value: Mapping[str, Any], path: PurePath) -> "Ablation":
        """Read the object of an ablation's file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is not shaped as one.
        """
        retrained = value.get("shapley_retrained")
        parsed = cls(
            **cls.shared(value, path),
            method=text(value["method"]),
            preset=text(value["preset"]),
            settings=named(value["settings"]),
            n=count(value["n"]),
            modalities=modalities(value["modalities"]),
            subsets=tuple(_subset(one) for one in items(value["subsets"])),
            shapley=_shapley(value["shapley"]),
            shapley_retrained=None if retrained is None else _shapley(retrained),
            noise=tuple(_point(one, "level") for one in items(value.get("noise"))),
            loss=tuple(_point(one, "share") for one in items(value.get("loss"))),
            versions=named(value.get("versions")),
        )
        parsed._check()
        Terms.parse(parsed.preset, parsed.settings)  # they are compared with those of results
        return parsed

    def _check(self) -> None:
        names, every = set(self.modalities), 2 ** len(self.modalities)
        held = {frozenset(one.modalities) for one in self.subsets}
        if len(self.subsets) != every or len(held) != every or any(one - names for one in held):
            raise ValueError("it does not hold every subset of its modalities")
        worths = [*self.shapley.values(), *(self.shapley_retrained or {}).values()]
        if any(set(values) != names for values in worths):
            raise ValueError("its Shapley values do not fit its modalities")
        if any(one.modality not in {None, *names} for one in (*self.noise, *self.loss)):
            raise ValueError("its curves do not fit its modalities")

    def with_only(self, *modalities: str) -> Subset:
        """The subset of these modalities."""
        return next(one for one in self.subsets if set(one.modalities) == set(modalities))

    @property
    def whole(self) -> Subset:
        """All modalities."""
        return self.with_only(*self.modalities)


def _scores(value: Mapping[str, Any]) -> Scores:
    return {name: Value.parse(value[name]) for name in METRICS}


def _subset(value: Mapping[str, Any]) -> Subset:
    retrained = value.get("retrained")
    return Subset(
        modalities=texts(value["modalities"]),
        scores=_scores(value["metrics"]),
        retrained=None if retrained is None else _scores(retrained),
    )


def _shapley(value: Mapping[str, Any]) -> Mapping[str, Scores]:
    return {
        metric: {
            name: Value(number(one["value"]), ci95=bounds(one.get("ci95")))
            for name, one in named(value[metric]).items()
        }
        for metric in METRICS
    }


def _point(value: Mapping[str, Any], level: str) -> Point:
    modality = text(value.get("modality")) or None
    return Point(modality, some_number(value[level]), _scores(value["metrics"]))
