"""The sentences and notes of a comparison."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.pairing import Paired
from memr_cli.evaluation.bootstrap import FEW_CLUSTERS
from memr_cli.evaluation.metrics import Metric, Table, metrics_of
from memr_cli.evaluation.significance import ALPHA, format_p
from memr_cli.results.comparison import Clusters, Difference, Pair


def sentence(
    first: str,
    second: str,
    differences: Mapping[str, Difference],
    n_speakers: int,
    *,
    corrected: bool,
) -> str:
    """Describe one pair by the first metric, and by each other metric that disagrees with it.

    first, second: labels. differences: by key of the metric. corrected: True for several pairs, so
    that Holm's correction changes the p-values.
    """
    headline, *others = metrics_of(Table.COMPARE)
    found = differences[headline.key]
    verdict = _verdict(found, headline)
    if verdict:
        start = f"{second} is {verdict} than {first}"
        gap = f"{points(found.difference)} points {headline.label}"
    else:
        start = f"{first} and {second} cannot be told apart"
        gap = _directed(second, found, headline)
    where = "this 1 speaker" if n_speakers == 1 else f"these {n_speakers} speakers"
    interval = "no interval" if found.ci95 is None else f"interval {span(found.ci95)}"
    after = " after Holm's correction" if corrected else ""
    text = f"{start} on {where}: {gap}, {interval} ({_p(found.p_holm)}{after})"
    disagreeing = [_disagreeing(second, differences[m.key], m, verdict) for m in others]
    return "; ".join([text, *filter(None, [_doubt(found, headline), *disagreeing])])


def same_decisions(first: str, second: str, n: int) -> str:
    """Describe a pair that decides all n utterances alike, with every seed."""
    return f"{first} and {second} make the same decisions on {_all(n)}"


def points(difference: float) -> str:
    """Format a difference in percentage points with its sign; never -0.0."""
    return f"{round(100 * difference, 1) + 0.0:+.1f}"


def span(interval: tuple[float, float]) -> str:
    """Format an interval in percentage points: `-1.9 to 2.4`."""
    return " to ".join(f"{round(100 * end, 1) + 0.0:.1f}" for end in interval)


def _p(p: float) -> str:
    text = format_p(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _directed(second: str, found: Difference, metric: Metric) -> str:
    """Describe a difference that is not significant, by the method that scores higher or lower."""
    gap = points(found.difference)
    if not float(gap):
        return f"{gap} points {metric.label}"
    way = "lower" if gap.startswith("-") else "higher"
    return f"{second} scores {gap.lstrip('+-')} points {way} in {metric.label}"


def _verdict(found: Difference, metric: Metric) -> str | None:
    """Return `better` or `worse` for the second method, None if the two cannot be told apart."""
    if found.p_holm >= ALPHA:
        return None
    return "better" if (found.difference > 0) == metric.higher_is_better else "worse"


def _doubt(found: Difference, metric: Metric) -> str | None:
    """Describe how the interval, or the t-test, disagrees with the permutation test."""
    contains_0 = None if found.ci95 is None else found.ci95[0] <= 0 <= found.ci95[1]
    if _verdict(found, metric) is None:
        if contains_0 is not False:
            return None
        before = f", and before Holm's correction {_p(found.p)}" if found.p < ALPHA else ""
        return f"yet the interval excludes 0{before}"
    doubts = ["the interval includes 0"] if contains_0 else []
    if found.t.p is not None and found.t.p >= ALPHA:
        doubts.append(f"the t-test over folds does not tell them apart ({_p(found.t.p)})")
    return f"yet {' and '.join(doubts)}" if doubts else None


def _disagreeing(
    second: str, found: Difference, metric: Metric, headline: str | None
) -> str | None:
    """Describe a metric whose verdict is not that of the headline."""
    verdict = _verdict(found, metric)
    if verdict == headline:
        return None
    text = "they cannot be told apart"
    if verdict is not None:
        text = f"{second} is {verdict}: {points(found.difference)} points"
    remark = f"by {metric.label} {text} ({_p(found.p_holm)})"
    doubt = _doubt(found, metric)
    return f"{remark}, {doubt}" if doubt else remark


def notes(
    results: Sequence[Evaluated], labels: Sequence[str], paired: Paired, pairs: Sequence[Pair]
) -> Iterator[str]:
    """Yield what a reader of the comparison should know, sentences without a full stop."""
    yield from _differences_in_training(results, labels)
    yield from _ensembles(results, labels)
    yield from _transductive(results, labels)
    yield from _intervals(paired.clusters)
    if results[0].settings.seeds == 1:
        yield "each method was trained with one seed; --seeds averages differences over more"
    yield from _permutation_test(paired, len(pairs))
    yield from _t_test(len(paired.shared.folds), pairs)
    if paired.left_out:
        n = paired.left_out
        yield f"{_utterances(n)} that only some of the methods scored {_is(n)} left out"


def _differences_in_training(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    choices = [result.evaluation.training_choices for result in results]
    for field in dict.fromkeys(name for chosen in choices for name in chosen):
        values = [chosen.get(field, "as preset") for chosen in choices]
        if len(set(values)) > 1:
            yield f"the methods differ in {field}: {_each(labels, values)}"
    versions = [result.evaluation.versions for result in results]
    for library in versions[0]:
        numbers = [found.get(library) for found in versions]
        if len(set(numbers)) > 1 and None not in numbers:
            yield f"the versions of {library} differ: {_each(labels, map(str, numbers))}"


def _ensembles(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    averaged = [label for label, one in zip(labels, results, strict=True) if one.settings.ensemble]
    single = [label for label in labels if label not in averaged]
    if not averaged:
        return
    decide, n_seeds = "decides" if len(averaged) == 1 else "decide", results[0].settings.seeds
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
    text = f"{_listed(averaged)} {decide} by the mean of the probabilities of {seeds}"
    if single:
        text += (
            f" and {_listed(single)} {_is(len(single))} scored seed by seed, so a difference "
            "between them may come from averaging"
        )
    yield text


def _transductive(results: Sequence[Evaluated], labels: Sequence[str]) -> Iterator[str]:
    """Name the methods that see features of test utterances, those that see the same together."""
    labelled = list(zip(labels, results, strict=True))
    for modalities in dict.fromkeys(one.settings.by_speaker for one in results):
        if modalities:
            who = [label for label, one in labelled if one.settings.by_speaker == modalities]
            normalise = "normalises" if len(who) == 1 else "normalise"
            yield (
                f"{_listed(who)} {normalise} {', '.join(modalities)} features by speaker, those of "
                "test speakers too, without labels: transductive"
            )
    reading = [label for label, one in labelled if one.evaluation.reads_test_dialogues]
    if reading:
        read = "reads" if len(reading) == 1 else "read"
        yield (
            f"{_listed(reading)} {read} turns of test dialogues, without labels, as context in "
            "training: transductive"
        )
    ahead = [label for label, one in labelled if one.settings.by_speaker or label in reading]
    others = [label for label in labels if label not in ahead]
    if ahead and others:
        cause = "what training sees of the test part" if reading else "normalisation"
        yield (
            f"{_listed(ahead)} {_is(len(ahead))} transductive and {_listed(others)} "
            f"{_is(len(others))} not, so a difference between them may come from {cause}"
        )


def _intervals(clusters: Clusters) -> Iterator[str]:
    text = "intervals leave out how training would vary, since no model is trained again"
    if clusters.n == 1:
        text += (
            f"; there is only 1 {clusters.kind.removesuffix('s')}, so they resample its dialogues"
        )
    elif clusters.n < FEW_CLUSTERS:
        text += f"; they rest on {clusters.n} {clusters.kind}, and with fewer than "
        text += f"{FEW_CLUSTERS} they are rough"
    yield text


def _permutation_test(paired: Paired, n_pairs: int) -> Iterator[str]:
    clusters = paired.clusters
    if 1 < clusters.n < clusters.dialogues:
        yield (
            "the permutation test treats dialogues as independent; where a method is better in "
            f"whole {clusters.kind}, it reports too many differences, and the interval is the "
            "better guide"
        )
    if paired.undialogued:
        n = paired.undialogued
        who = _all(n) if n == paired.n else f"{n} of {_utterances(paired.n)}"
        yield (
            f"{who} {'belongs' if n == 1 else 'belong'} to no dialogue; the permutation test swaps "
            "together all that a speaker says in a session outside of dialogues"
        )
    n_units = paired.shared.n_units
    least = 2 / 2**n_units if n_units < 60 else 0.0
    if least * n_pairs >= ALPHA:
        units = "there is 1 unit" if n_units == 1 else f"there are {n_units} units"
        yield f"{units} to swap, so p cannot be less than {least:.2g}, whatever the difference"


def _t_test(n_folds: int, pairs: Sequence[Pair]) -> Iterator[str]:
    if n_folds < 2:
        yield "t is null, since the t-test needs at least 2 folds and there is 1"
        return
    if n_folds < FEW_CLUSTERS:
        yield (
            f"only the t-test covers how training varies; it rests on {n_folds} folds, and with "
            f"fewer than {FEW_CLUSTERS} it is rough"
        )
    metrics = metrics_of(Table.COMPARE)
    for pair in pairs:
        labels = [metric.label for metric in metrics if pair.metrics[metric.key].t.p is None]
        if labels:
            yield (
                f"t is null for {pair.first} and {pair.second} in {', '.join(labels)}, since their "
                "difference is the same in every fold"
            )


def _utterances(n: int) -> str:
    return "1 utterance" if n == 1 else f"{n} utterances"


def _all(n: int) -> str:
    return "the only utterance" if n == 1 else f"all {n} utterances"


def _is(n: int) -> str:
    return "is" if n == 1 else "are"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _each(labels: Sequence[str], values: Iterable[str]) -> str:
    return "; ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True))
