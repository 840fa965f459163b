"""Work timed against other work, in turn.

One round runs each contender once, in an order that rotates from round to round, and ratios are
taken within rounds: a machine that slows down for a while slows both sides of a ratio. Quote the
ratios; seconds are those of one machine on one day.

A contender is a whole program (race_programs.py), or a question to a worker that stays up
(race_workers.py). Figures are known by name: see FIGURES.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

FIGURES = {
    "wall": ("s, start to end", 1.0),
    "inside": ("s by its own clock", 1.0),
    "cpu": ("s of processor", 1.0),
    "peak": ("peak MiB", 2.0**-20),
    "step": ("ms a step", 1e3),
    "utterance": ("µs an utterance and epoch", 1e6),
}
"""How a figure is headed, and what it is multiplied by to be shown. They are kept in s and bytes.

`inside` is what a program says of itself: its clock starts once its libraries are loaded.
"""


@dataclass(frozen=True)
class Run:
    """What one run of a contender took: figures by their names in FIGURES, in seconds and bytes."""

    figures: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)
    """The mean F1-micro by method, where it printed such."""


class Contender(Protocol):
    """What can be run and timed."""

    @property
    def name(self) -> str:
        """What the tables call it."""
        ...

    @property
    def command(self) -> Sequence[str]:
        """What to type to run it alone."""
        ...

    def run(self) -> Run:
        """Run it once. Raises RuntimeError, with the end of its stderr, where it fails."""
        ...


@dataclass(frozen=True)
class Target:
    """What a ratio ought to be. Without limits nothing was promised."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        match self.at_least, self.at_most:
            case None, None:
                return "-"
            case least, None:
                return f"at least {least:g}"
            case None, most:
                return f"at most {most:g}"
            case least, most:
                return f"{least:g} to {most:g}"


NO_TARGET = Target()


@dataclass(frozen=True)
class Ratio:
    """A figure of one contender over that of another, which `what` says in words.

    Of several names in `under`, that one counts whose median is lowest. Without any, the figure is
    divided by `unit`. better: "higher" or "lower", or what else a good one is.
    """

    what: str
    over: str
    under: tuple[str, ...]
    better: str
    figure: str = "wall"
    unit: float = 1.0
    target: Target = NO_TARGET
    in_short: bool = False
    """Whether it belongs into the short table."""


@dataclass(frozen=True)
class Race:
    """Contenders that do comparable work. `warm_ups` rounds are run first and not counted."""

    name: str
    what: str
    contenders: tuple[Contender, ...]
    ratios: tuple[Ratio, ...]
    rounds: int
    warm_ups: int = 1


@dataclass
class Outcome:
    """A race and the runs of each contender, a round at a time."""

    race: Race
    runs: dict[str, list[Run]] = field(default_factory=dict)

    def figures(self, name: str, figure: str) -> list[float]:
        """A figure of a contender, round by round."""
        return [run.figures[figure] for run in self.runs[name]]

    def known(self, name: str) -> list[str]:
        """The figures that every run of a contender has."""
        return [each for each in FIGURES if all(each in run.figures for run in self.runs[name])]

    def median(self, name: str, figure: str) -> float:
        """The median of a contender's figure."""
        return statistics.median(self.figures(name, figure))

    def under(self, ratio: Ratio) -> str | None:
        """Who a ratio is taken to: of several, the one with the lowest median."""
        return min(ratio.under, key=lambda name: self.median(name, ratio.figure), default=None)

    def ratio(self, ratio: Ratio) -> list[float]:
        """A ratio, round by round."""
        over, under = self.figures(ratio.over, ratio.figure), self.under(ratio)
        if under is None:
            return [figure / ratio.unit for figure in over]
        return [a / b for a, b in zip(over, self.figures(under, ratio.figure), strict=True)]

    def scores(self) -> dict[str, Mapping[str, float]]:
        """The mean F1-micro by contender and method, where its last run printed such."""
        found = {name: runs[-1].scores for name, runs in self.runs.items() if runs}
        return {name: scores for name, scores in found.items() if scores}


def run_race(race: Race, tell: Callable[[str], None]) -> Outcome:
    """Run all rounds. Raises RuntimeError where a contender fails."""
    outcome = Outcome(race, {contender.name: [] for contender in race.contenders})
    for number in range(-race.warm_ups, race.rounds):
        now = f"round {number + 1} of {race.rounds}" if number >= 0 else "warming up"
        for contender in order(race.contenders, number):
            tell(f"{race.name}, {now}: {contender.name}")
            run = contender.run()
            if number >= 0:
                outcome.runs[contender.name].append(run)
    return outcome


def order(contenders: Sequence[Contender], number: int) -> list[Contender]:
    """Who goes first changes from round to round."""
    first = number % len(contenders)
    return [*contenders[first:], *contenders[:first]]
