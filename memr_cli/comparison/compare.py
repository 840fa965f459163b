"""Compare evaluated methods in pairs, over the utterances that all of them scored. K folds."""

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from memr_cli.comparison import agreement, sentences
from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.labels import file_name, labels
from memr_cli.comparison.loading import Place, evaluated_methods, load
from memr_cli.comparison.pairing import Paired, pair
from memr_cli.data.dataset import columns_of
from memr_cli.data.holdings import Holdings
from memr_cli.evaluation import significance as tests
from memr_cli.evaluation.significance import COMPARED
from memr_cli.progress import Progress
from memr_cli.results.comparison import (
    ComparedMethod,
    Comparison,
    ComparisonFiles,
    Difference,
    Pair,
    Replicates,
    TTest,
)
from memr_cli.results.folder import ResultFolder, refuse_another_stores
from memr_cli.results.saved import save, store_named_in
from memr_cli.results.schema import Protocol
from memr_cli.vocabulary import Across
from store.reader import Store

SEED = 0
"""Resampling draws from generators of its own: it does not depend on how models were seeded."""

Floats = NDArray[np.float64]


def compare(
    methods: Sequence[str],
    place: Place,
    across: Collection[Across],
    progress: Progress,
    against: str | None = None,
) -> Comparison:
    """Compare results that were evaluated before, and save what comes out. Nothing is trained.

    methods: names, or paths of metrics files. against: compare each of them, or of all evaluated
    methods where none is named, with this one alone. Raises UsageError for names that cannot be
    compared at all, the errors of Store, and UnsupportedError where a result is missing, stale or
    unlike the others.
    """
    if against is not None:
        methods = [against, *(methods or evaluated_methods(place, against))]
    with Store.open(place.store) as store:
        results = load(methods, place, Holdings(store))
        names = labels(results)
        agreement.refuse_other_content(results, store.fingerprint, place)
        agreement.refuse_differing(results, names, across, place, methods)
        target = ResultFolder(place.out).comparison(results[0].protocol, _file_name(names, against))
        refuse_another_stores(target, store_named_in(target), place.store)
        paired = pair(results, store.utterances.ids, columns_of(store))
        fingerprint = store.fingerprint
    ratios = [sum(result.n_test) / sum(result.n_train) for result in results]
    numbers = list(combinations(range(len(names)), 2))
    if against is not None:
        numbers = [(0, other) for other in range(1, len(names))]
    pairs = _pairs(paired, names, ratios, numbers, progress)
    widest = max(results, key=lambda one: one.result.n)
    n_folds = len(paired.shared.folds)
    value = Comparison(
        store=str(place.store),
        fingerprint=fingerprint,
        synthetic=any(one.result.synthetic for one in results),
        protocol=Protocol(name=widest.protocol, description=widest.result.protocol.description),
        methods=tuple(
            _described(result, label, place) for result, label in zip(results, names, strict=True)
        ),
        subset=widest.settings.subset,
        normalize=_normalize(results),
        seeds=widest.settings.all_seeds,
        ensemble=_ensemble(results),
        n=paired.n,
        left_out=paired.left_out,
        clusters=paired.clusters,
        replicates=Replicates(
            bootstrap=tests.BOOTSTRAP_REPLICATES,
            permutation=tests.n_arrangements(paired.shared.n_units),
        ),
        pairs=pairs,
        notes=(
            *agreement.notes(results, names),
            *sentences.notes(paired, n_folds, widest.settings.seeds, pairs),
        ),
        hashes={
            _below(result.folder.root / name, place): digest
            for result in results
            for name, digest in result.hashes.items()
        },
        files=ComparisonFiles(comparison=str(target)),
    )
    save(target, value)
    return value


def _file_name(names: Sequence[str], against: str | None) -> str:
    """The name of the comparison's file; pairs with one method alone have a file of their own."""
    return file_name(names) if against is None else f"{file_name(names)}.against"


def _pairs(
    paired: Paired,
    names: Sequence[str],
    ratios: Sequence[float],
    numbers: Sequence[tuple[int, int]],
    progress: Progress,
) -> tuple[Pair, ...]:
    """Each pair of methods, by their numbers; p-values are corrected over all pairs."""
    shared, predicted = paired.shared, paired.predicted
    by_fold = [tests.fold_scores(shared, each) for each in predicted]
    replicates = [tests.bootstrap(shared, each, SEED) for each in predicted]
    p_values = [
        tests.permutation_p(shared, predicted[i], predicted[j], SEED)
        for i, j in progress(numbers, "comparing", unit="pair")
    ]
    adjusted = {name: tests.holm([p[name] for p in p_values]) for name in COMPARED}
    pairs = []
    for number, (i, j) in enumerate(numbers):
        metrics = {
            name: _difference(
                by_fold[i][name],
                by_fold[j][name],
                max(ratios[i], ratios[j]),
                _interval(replicates[i], replicates[j], name),
                p_values[number][name],
                adjusted[name][number],
            )
            for name in COMPARED
        }
        pair = Pair(first=names[i], second=names[j], metrics=metrics, sentence="")
        if np.array_equal(predicted[i], predicted[j]):
            sentence = sentences.same_decisions(pair, paired.n)
        else:
            corrected = len(numbers) > 1
            sentence = sentences.sentence(pair, paired.clusters, corrected=corrected)
        pairs.append(msgspec.structs.replace(pair, sentence=sentence))
    return tuple(pairs)


def _difference(
    first: Floats,
    second: Floats,
    test_over_train: float,
    ci95: tuple[float, float] | None,
    p: float,
    p_holm: float,
) -> Difference:
    """Means over folds, their difference and the t-test, from scores in each fold (K,).

    Where methods train on different numbers of utterances, the larger ratio is the careful one.
    """
    t, p_of_t = tests.corrected_t(second - first, test_over_train)
    return Difference(
        first=float(first.mean()),
        second=float(second.mean()),
        difference=float((second - first).mean()),
        t=TTest(statistic=t, df=len(first) - 1, p=p_of_t),
        ci95=ci95,
        p=p,
        p_holm=p_holm,
    )


def _interval(
    first: Mapping[str, Floats] | None, second: Mapping[str, Floats] | None, name: str
) -> tuple[float, float] | None:
    if first is None or second is None:
        return None
    return tests.difference_interval(first[name], second[name])


def _described(one: Evaluated, label: str, place: Place) -> ComparedMethod:
    return ComparedMethod(
        label=label,
        method=one.method,
        metrics=_below(one.path, place),
        preset=one.result.preset,
        n=one.result.n,
        votes=one.result.votes,
        settings=one.settings,
    )


def _normalize(results: Sequence[Evaluated]) -> dict[str, str | None]:
    """How each modality is normalised by all who use it; null where they differ."""
    hows: dict[str, set[str]] = {}
    for result in results:
        for name, how in result.normalize.items():
            hows.setdefault(name, set()).add(how)
    return {name: how.pop() if len(how) == 1 else None for name, how in hows.items()}


def _ensemble(results: Sequence[Evaluated]) -> bool | None:
    """Whether the seeds of all that have probabilities were averaged; null where they differ."""
    found = {result.settings.ensemble for result in results if not result.result.votes}
    return found.pop() if len(found) == 1 else None if found else False


def _below(path: Path, place: Place) -> str:
    """A path as seen from the output folder, with forward slashes."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(place.out)).replace(os.sep, "/")
