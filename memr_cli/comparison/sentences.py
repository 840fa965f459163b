"""Sentences and notes of a comparison."""

from collections.abc import Iterator, Sequence

from memr_cli.comparison.pairing import Paired
from memr_cli.evaluation.bootstrap import FEW_CLUSTERS
from memr_cli.evaluation.metrics import LABELS
from memr_cli.evaluation.significance import ALPHA, COMPARED
from memr_cli.results.comparison import Clusters, Difference, Pair

_LEAST = 0.0001


def sentence(pair: Pair, clusters: Clusters, *, corrected: bool) -> str:
    """One pair in one sentence: by accuracy, and by another metric where that says otherwise.

    corrected: whether there are several pairs, so that Holm's correction changes something.
    """
    first, second = pair.first, pair.second
    headline, *others = COMPARED
    found = pair.metrics[headline]
    verdict = _verdict(found)
    start, gap = f"{first} and {second} cannot be told apart", _directed(second, found, headline)
    if verdict:
        start = f"{second} is {verdict} than {first}"
        gap = f"{points(found.difference)} points {LABELS[headline]}"
    after = " after Holm's correction" if corrected else ""
    text = (
        f"{start} on these {clusters.speakers} speakers: {gap}, "
        f"{_interval(found)} ({p_value(found.p_holm)}{after})"
    )
    otherwise = [_otherwise(pair, name, verdict) for name in others]
    return "; ".join([text, *filter(None, [_doubt(found), *otherwise])])


def same_decisions(pair: Pair, n: int) -> str:
    """The sentence of a pair whose n utterances are all decided alike, under every seed."""
    return f"{pair.first} and {pair.second} make the same decisions on all {n} utterances"


def _directed(second: str, found: Difference, name: str) -> str:
    """A difference that is no verdict, with the method that it belongs to."""
    gap = points(found.difference)
    if not float(gap):
        return f"{gap} points {LABELS[name]}"
    way = "lower" if gap.startswith("-") else "higher"
    return f"{second} scores {gap.lstrip('+-')} points {way} in {LABELS[name]}"


def _verdict(found: Difference) -> str | None:
    """Whether the second is better or worse than the first, None where that cannot be told."""
    if found.p_holm >= ALPHA:
        return None
    return "better" if found.difference > 0 else "worse"


def _doubt(found: Difference) -> str | None:
    """Where the interval, or the t-test, disagrees with the permutation test."""
    interval = found.ci95
    reaches = None if interval is None else interval[0] <= 0 <= interval[1]
    if _verdict(found) is None:
        why = f", as does the test before Holm's correction ({p_value(found.p)})"
        alone = "" if found.p >= ALPHA else why
        return f"yet the interval leaves 0 out{alone}" if reaches is False else None
    doubts = ["the interval reaches 0"] if reaches else []
    t = found.t.p
    if t is not None and t >= ALPHA:
        doubts.append(f"the t-test over folds does not tell them apart ({p_value(t)})")
    return f"yet {' and '.join(doubts)}" if doubts else None


def _otherwise(pair: Pair, name: str, verdict: str | None) -> str | None:
    """What another metric says, where it is not what accuracy says."""
    found = pair.metrics[name]
    said = _verdict(found)
    if said == verdict:
        return None
    if said is None:
        text = "they cannot be told apart"
    else:
        text = f"{pair.second} is {said}: {points(found.difference)} points"
    doubt = _doubt(found)
    remark = f"by {LABELS[name]} {text} ({p_value(found.p_holm)})"
    return f"{remark}, {doubt}" if doubt else remark


def _interval(found: Difference) -> str:
    return "no interval" if found.ci95 is None else f"interval {span(found.ci95)}"


def points(difference: float) -> str:
    """A difference in percentage points with its sign; never -0.0."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def span(interval: tuple[float, float]) -> str:
    """An interval in percentage points: `-1.9 to 2.4`."""
    return " to ".join(f"{round(100 * end, 1) + 0.0:.1f}" for end in interval)


def p_value(p: float) -> str:
    """A p-value with its sign: `p = 0.03`, `p < 0.0001`."""
    return f"p {'' if p < _LEAST else '= '}{number(p)}"


def number(p: float) -> str:
    """A p-value to two digits: `0.03`, `< 0.0001`."""
    return f"< {_LEAST:.4f}" if p < _LEAST else f"{p:.2g}"


def notes(paired: Paired, n_folds: int, n_seeds: int, pairs: Sequence[Pair]) -> Iterator[str]:
    """What a reader of the figures has to know about how far they reach."""
    clusters = paired.clusters
    yield from _interval_notes(clusters, n_seeds)
    if clusters.n > 1 and clusters.dialogues > clusters.n:
        yield (
            f"the permutation test takes dialogues for independent; where whole {clusters.kind} "
            "favour a method it finds too much, and the interval is the better guide"
        )
    if paired.undialogued:
        which = "all" if paired.undialogued == paired.n else f"{paired.undialogued} of {paired.n}"
        yield (
            f"{which} utterances belong to no dialogue; of them, the permutation test swaps what a "
            "speaker says in a session as a whole"
        )
    n_units = paired.shared.n_units
    least = 2 / 2**n_units if n_units < 60 else 0.0
    if least * len(pairs) >= ALPHA:
        yield (
            f"there are {n_units} units to swap, so p cannot be less than {least:.2g}, whatever "
            "the difference"
        )
    if n_folds < 2:
        yield f"t is null, since the t-test needs at least 2 folds and there is {n_folds}"
    elif n_folds < FEW_CLUSTERS:
        yield (
            f"the t-test alone sees training vary; it rests on {n_folds} folds, and under "
            f"{FEW_CLUSTERS} it is rough"
        )
    if n_folds > 1:
        yield from _without_t(pairs)
    if paired.left_out:
        yield f"{paired.left_out} utterances that only some of the methods scored are left out"


def _without_t(pairs: Sequence[Pair]) -> Iterator[str]:
    for pair in pairs:
        names = [LABELS[n] for n, found in pair.metrics.items() if found.t.p is None]
        if names:
            yield (
                f"t is null for {pair.first} and {pair.second} in {', '.join(names)}, since "
                "their difference is the same in every fold"
            )


def _interval_notes(clusters: Clusters, n_seeds: int) -> Iterator[str]:
    n, kind = clusters.n, clusters.kind
    retraining = "intervals leave out how training would vary, since no model is trained again"
    if n == 1:
        retraining += f"; there is one of {kind} alone, so they resample its dialogues"
    elif n < FEW_CLUSTERS:
        retraining += f"; they rest on {n} {kind}, and under {FEW_CLUSTERS} they are rough"
    yield retraining
    if n_seeds == 1:
        yield "each method was trained with one seed; with --seeds, differences average over more"
