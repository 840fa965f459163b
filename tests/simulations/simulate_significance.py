"""How often the tests of `memr compare` err, and how often its intervals hold the truth.

    python tests/simulations/simulate_significance.py --runs 500

Prints a Markdown table to stderr and the same as JSON to stdout. Two worlds are made up over and
over. In the first the models stand as they are, and their decisions resemble each other within an
utterance, a dialogue and a session. In the second, classifiers (least squares on one-hot classes)
are really trained on all other sessions, so that folds share training rows, and the two methods see
different features of one law: trained on an average corpus, they are equally good.

Letters: n utterances, K sessions (which are the folds), D dims.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.significance import (
    ALPHA,
    Shared,
    bootstrap,
    corrected_t,
    difference_interval,
    fold_scores,
    permutation_p,
)

CLASSES = np.array([0.33, 0.15, 0.27, 0.25])
"""How frequent each class is."""

PERMUTATIONS, REPLICATES = 999, 1000
NAIVE_PERMUTATIONS = 199

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Sessions of dialogues of utterances, and what differs between two methods.

    Spreads are standard deviations in log odds of a right decision (fixed models) or in units of
    the noise of a feature (trained ones). by_dialogue, by_session: of effects that one method has
    and the other has not, which is what makes utterances of a cluster speak together. gain: how
    much better the second is.
    """

    name: str
    sessions: int = 5
    dialogues: int = 28
    utterances: int = 9
    by_dialogue: float = 0.5
    by_session: float = 0.0
    gain: float = 0.0
    trained: bool = False

    @property
    def n(self) -> int:
        """How many utterances there are."""
        return self.sessions * self.dialogues * self.utterances


FIXED = (
    World("equal"),
    World("equal, dialogues alike", by_dialogue=0.0),
    World("equal, sessions differ", by_session=0.2),
    World("equal, 3 sessions", sessions=3),
    World("equal, 30 sessions that differ", sessions=30, dialogues=6, by_session=0.2),
    World("second better", gain=0.2),
    World("second better, sessions differ", gain=0.2, by_session=0.2),
)
TRAINED = (
    World("trained, equal", trained=True),
    World("trained, equal, 10 sessions", sessions=10, dialogues=14, trained=True),
    World("trained, equal, sessions differ", by_session=0.3, trained=True),
    World("trained, second better", gain=0.1, trained=True),
)


@dataclass
class Tally:
    """Of how many runs each test found a difference at 5 %, and the interval held the truth."""

    world: str
    truth: float | None
    runs: int = 0
    permutation: int = 0
    permutation_uar: int = 0
    by_utterance: int = 0
    interval_leaves_0_out: int = 0
    corrected_t: int = 0
    plain_t: int = 0
    covered: int = 0
    covered_uar: int = 0

    def share(self, name: str) -> float | None:
        """A count as a share of the runs; None where there was no truth to hold."""
        if name.startswith("covered") and self.truth is None:
            return None
        return int(getattr(self, name)) / self.runs


def simulate(world: World, runs: int, seed: int = 0) -> Tally:
    """Compare two methods in `runs` drawn corpora of a world."""
    tally = Tally(world.name, None if world.trained and world.gain else truth(world))
    for rng in map(np.random.default_rng, np.random.SeedSequence(seed).spawn(runs)):
        shared = _corpus(world, rng)
        decide = _trained if world.trained else _fixed
        _count(tally, shared, *decide(world, shared, rng))
    return tally


def truth(world: World) -> float:
    """The expected difference in accuracy of fixed models; UAR has the same."""
    if not world.gain:
        return 0.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    spread = np.sqrt(1 + 0.5**2 + world.by_dialogue**2 + world.by_session**2)
    first, second = (
        float(weights @ _chance(_BASE + gain + spread * nodes) / weights.sum())
        for gain in (0.0, world.gain)
    )
    return second - first


_BASE = 0.4


def _chance(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)


def _corpus(world: World, rng: np.random.Generator) -> Shared:
    session = np.repeat(np.arange(world.sessions), world.dialogues * world.utterances)
    dialogue = np.repeat(np.arange(world.sessions * world.dialogues), world.utterances)
    return Shared(
        fold=session,
        seed=np.zeros(world.n, np.int64),
        true=rng.choice(len(CLASSES), world.n, p=CLASSES),
        outer=session,
        inner=dialogue,
        unit=dialogue,
        n_classes=len(CLASSES),
    )


def _fixed(world: World, shared: Shared, rng: np.random.Generator) -> Iterator[Codes]:
    """Decisions of two models that find the same utterances and dialogues hard."""
    hard = rng.normal(0, 1, world.n) + rng.normal(0, 0.5, world.n)[shared.unit]
    for gain in (0.0, world.gain):
        own = _effects(world, shared, rng)
        right = rng.random(world.n) < _chance(_BASE + gain + hard + own)
        wrong = (shared.true + rng.integers(1, len(CLASSES), world.n)) % len(CLASSES)
        yield np.where(right, shared.true, wrong)


def _effects(world: World, shared: Shared, rng: np.random.Generator) -> Floats:
    """(n,) what one method alone finds hard, by dialogue and by session."""
    by_dialogue = rng.normal(0, world.by_dialogue, world.n)[shared.unit]
    by_session = rng.normal(0, world.by_session, world.sessions)[shared.outer]
    return np.asarray(by_dialogue + by_session, np.float64)


_DIMS = 12


def _trained(world: World, shared: Shared, rng: np.random.Generator) -> Iterator[Codes]:
    """Decisions of classifiers trained on all other sessions, each on features of its own."""
    # The same in all runs and for both methods, so that neither knows more.
    centres = 0.45 * np.random.default_rng(99).normal(size=(len(CLASSES), _DIMS))
    for gain in (0.0, world.gain):
        features = (1 + gain) * centres[shared.true] + rng.normal(size=(world.n, _DIMS))
        features += rng.normal(0, world.by_dialogue, (world.n, _DIMS))[shared.unit]
        features += rng.normal(0, world.by_session, (world.sessions, _DIMS))[shared.outer]
        columns = np.column_stack([features, np.ones(world.n)])
        predicted = np.empty(world.n, np.int64)
        for session in range(world.sessions):
            test = shared.fold == session
            wanted = np.eye(len(CLASSES))[shared.true[~test]]
            weights = np.linalg.lstsq(columns[~test], wanted, rcond=None)[0]
            predicted[test] = (columns[test] @ weights).argmax(axis=1)
        yield predicted


def _count(tally: Tally, shared: Shared, first: Codes, second: Codes) -> None:
    p = permutation_p(shared, first, second, seed=0, most=PERMUTATIONS)
    alone = Shared(**{**_arrays(shared), "unit": np.arange(shared.true.size)}, n_classes=4)
    naive = permutation_p(alone, first, second, seed=0, most=NAIVE_PERMUTATIONS)
    differences = fold_scores(shared, second)["accuracy"] - fold_scores(shared, first)["accuracy"]
    n_folds = len(differences)
    tally.runs += 1
    tally.permutation += p["accuracy"] < ALPHA
    tally.permutation_uar += p["uar"] < ALPHA
    tally.by_utterance += naive["accuracy"] < ALPHA
    tally.corrected_t += _below(corrected_t(differences, 1 / (n_folds - 1))[1])
    tally.plain_t += _below(corrected_t(differences, 0.0)[1])
    of_first, of_second = (
        bootstrap(shared, each, seed=0, replicates=REPLICATES) for each in (first, second)
    )
    assert of_first is not None
    assert of_second is not None
    for name, field in (("accuracy", "covered"), ("uar", "covered_uar")):
        interval = difference_interval(of_first[name], of_second[name])
        assert interval is not None
        if name == "accuracy":
            tally.interval_leaves_0_out += not interval[0] <= 0 <= interval[1]
        if tally.truth is not None:
            held = interval[0] <= tally.truth <= interval[1]
            setattr(tally, field, getattr(tally, field) + held)


def _arrays(shared: Shared) -> dict[str, NDArray[np.integer]]:
    return {name: getattr(shared, name) for name in ("fold", "seed", "true", "outer", "inner")}


def _below(p: float | None) -> bool:
    return p is not None and p < ALPHA


COLUMNS = {
    "permutation": "permutation",
    "permutation_uar": "permutation, UAR",
    "by_utterance": "by utterance",
    "interval_leaves_0_out": "interval leaves 0 out",
    "corrected_t": "corrected t",
    "plain_t": "plain t",
    "covered": "interval holds truth",
    "covered_uar": "the same, UAR",
}


def table(tallies: list[Tally]) -> str:
    """Markdown: shares of the runs in percent."""
    lines = [["world", "truth", *COLUMNS.values()], ["---", *["---:"] * (1 + len(COLUMNS))]]
    for tally in tallies:
        shares = [tally.share(name) for name in COLUMNS]
        known = "-" if tally.truth is None else f"{100 * tally.truth:+.1f}"
        lines.append(
            [tally.world, known, *("-" if s is None else f"{100 * s:.1f}" for s in shares)]
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Simulate every world."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500, help="corpora drawn of each world")
    runs = parser.parse_args().runs
    tallies = [simulate(world, runs) for world in (*FIXED, *TRAINED)]
    sys.stderr.write(f"\nPercent of {runs} runs, tests at 5 %, intervals of 95 %:\n\n")
    sys.stderr.write(table(tallies))
    sys.stdout.write(json.dumps([asdict(tally) for tally in tallies], indent=1) + "\n")


if __name__ == "__main__":
    main()
