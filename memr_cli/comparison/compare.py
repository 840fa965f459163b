"""Compare evaluated methods in pairs, over the utterances that all of them scored. K folds."""

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memr_cli.comparison import agreement
from memr_cli.comparison.evaluated import Evaluated, Request, load
from memr_cli.comparison.labels import file_name, labels_of
from memr_cli.comparison.pairing import Paired, pair
from memr_cli.comparison.sentences import notes, same_decisions, sentence
from memr_cli.data.dataset import columns_of
from memr_cli.data.holdings import Holdings
from memr_cli.evaluation import significance as tests
from memr_cli.progress import Progress
from memr_cli.results import saved
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
from memr_cli.results.schema import UNSET, Protocol
from store.reader import Store

SEED = 0
"""Seed of the resampling, whatever the seeds of the models."""

Floats = NDArray[np.float64]


def compare(request: Request, progress: Progress) -> Comparison:
    """Compare results that were evaluated before, and save the comparison. Nothing is trained.

    Raises UsageError for names that cannot be compared, the errors of Store, and UnsupportedError
    where a result is missing, stale or unlike the others.
    """
    with Store.open(request.store) as store:
        fingerprint = store.fingerprint
        results = load(request, Holdings(store))
        labels = labels_of(results)
        agreement.refuse_other_content(results, fingerprint, request)
        agreement.refuse_differing(results, labels, request)
        against = None if request.against is None else labels[0]
        folder = ResultFolder(request.out)
        target = folder.comparison(results[0].protocol, file_name(labels, against))
        refuse_another_stores(target, saved.store_named_in(target), request.store)
        paired = pair(results, store.utterances.ids, columns_of(store))
    every = combinations(range(len(results)), 2)
    chosen = [(i, j) for i, j in every if against is None or i == 0]
    pairs = _pairs(paired, labels, [_test_over_train(one) for one in results], chosen, progress)
    widest = max((result.evaluation for result in results), key=lambda one: one.n)
    comparison = Comparison(
        store=str(request.store),
        fingerprint=fingerprint,
        synthetic=any(result.evaluation.synthetic for result in results),
        protocol=Protocol(name=widest.protocol.name, description=widest.protocol.description),
        methods=tuple(
            ComparedMethod(
                label=label,
                method=result.method,
                metrics=_below(result.path, request.out),
                preset=result.evaluation.preset,
                n=result.evaluation.n,
                votes=result.evaluation.votes,
                settings=result.settings,
            )
            for result, label in zip(results, labels, strict=True)
        ),
        against=UNSET if against is None else against,
        subset=widest.settings.subset,
        normalize=_normalization(results),
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
        notes=tuple(notes(results, labels, paired, pairs)),
        hashes={
            _below(path, request.out): digest
            for result in results
            for path, digest in result.hashes.items()
        },
        files=ComparisonFiles(comparison=str(target)),
    )
    saved.save(target, comparison)
    return comparison


def _pairs(
    paired: Paired,
    labels: Sequence[str],
    ratios: Sequence[float],
    chosen: Sequence[tuple[int, int]],
    progress: Progress,
) -> tuple[Pair, ...]:
    """Compare the chosen pairs of methods; p-values are corrected over these.

    ratios: tested rows for each training row, of each method.
    """
    shared, predicted = paired.shared, paired.predicted
    by_fold = [tests.fold_scores(shared, each) for each in predicted]
    replicates = [tests.bootstrap(shared, each, SEED) for each in predicted]
    p_values = [
        tests.permutation_p(shared, predicted[i], predicted[j], SEED)
        for i, j in progress(chosen, "comparing", unit="pair")
    ]
    adjusted = {key: tests.holm([p[key] for p in p_values]) for key in tests.METRICS}
    pairs = []
    for number, (i, j) in enumerate(chosen):
        # The larger ratio is the careful choice where the methods train on different rows.
        ratio = max(ratios[i], ratios[j])
        differences = {}
        for key in tests.METRICS:
            one, two = by_fold[i][key], by_fold[j][key]
            t, p_of_t = tests.corrected_t(two - one, ratio)
            differences[key] = Difference(
                first=float(one.mean()),
                second=float(two.mean()),
                difference=float((two - one).mean()),
                t=TTest(statistic=t, df=len(one) - 1, p=p_of_t),
                ci95=_interval(replicates[i], replicates[j], key),
                p=p_values[number][key],
                p_holm=adjusted[key][number],
            )
        first, second = labels[i], labels[j]
        if np.array_equal(predicted[i], predicted[j]):
            text = same_decisions(first, second, paired.n)
        else:
            n_speakers, corrected = paired.clusters.speakers, len(chosen) > 1
            text = sentence(first, second, differences, n_speakers, corrected=corrected)
        pairs.append(Pair(first=first, second=second, metrics=differences, sentence=text))
    return tuple(pairs)


def _interval(
    first: Mapping[str, Floats] | None, second: Mapping[str, Floats] | None, key: str
) -> tuple[float, float] | None:
    if first is None or second is None:
        return None
    return tests.difference_interval(first[key], second[key])


def _test_over_train(result: Evaluated) -> float:
    folds = result.evaluation.protocol.folds
    return sum(fold.n_test for fold in folds) / sum(fold.n_train for fold in folds)


def _normalization(results: Sequence[Evaluated]) -> dict[str, str | None]:
    """Return how each modality is normalised by all methods; None where they differ."""
    found: dict[str, set[str]] = {}
    for result in results:
        for name, how in result.settings.normalization_by_modality.items():
            found.setdefault(name, set()).add(how)
    return {name: how.pop() if len(how) == 1 else None for name, how in found.items()}


def _ensemble(results: Sequence[Evaluated]) -> bool | None:
    """Return True if all methods with probabilities are ensembles; None where they differ."""
    found = {result.settings.ensemble for result in results if not result.evaluation.votes}
    return None if len(found) > 1 else True in found


def _below(path: Path, out: Path) -> str:
    """Return a path relative to the output folder, with forward slashes."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(out)).replace(os.sep, "/")
