"""From the names of methods to what their comparison says, on disk and in one object. K folds."""

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.comparison import agreement, words
from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.labels import file_name, labels
from memr_cli.comparison.loading import Place, load
from memr_cli.comparison.pairing import Paired, pair
from memr_cli.data.dataset import columns_of
from memr_cli.data.holdings import Holdings
from memr_cli.evaluation import significance as tests
from memr_cli.evaluation.significance import COMPARED
from memr_cli.progress import Progress
from memr_cli.results.folder import ResultFolder, refuse_another_stores
from memr_cli.results.saved import owner, write_metrics
from memr_cli.vocabulary import Across
from store.reader import Store

SCHEMA = "memr.compare/1"

SEED = 0
"""Resampling draws from generators of its own: it does not depend on how models were seeded."""

Floats = NDArray[np.float64]


def compare(
    names: Sequence[str], place: Place, across: Collection[Across], progress: Progress
) -> dict[str, Any]:
    """Compare results that were evaluated before, and write what comes out. Nothing is trained.

    names: methods, or paths of metrics files. Returns the object that `memr compare` prints, but
    for `seconds`. Raises UsageError for names that cannot be compared at all, the errors of Store,
    and UnsupportedError where a result is missing, stale or unlike the others.
    """
    with Store.open(place.store) as store:
        results = load(names, place, Holdings(store))
        told = labels(results)
        agreement.refuse_other_content(results, store.fingerprint, place)
        agreement.refuse_differing(results, told, across, place, names)
        target = ResultFolder(place.out).comparison(results[0].protocol, file_name(told))
        refuse_another_stores(target, owner(target, SCHEMA), place.store)
        paired = pair(results, store.utterances.ids, columns_of(store))
        fingerprint = store.fingerprint
    ratios = [sum(result.n_test) / sum(result.n_train) for result in results]
    pairs = _pairs(paired, told, ratios, progress)
    widest = max(results, key=lambda result: result.n)
    n_folds = len(paired.shared.folds)
    value = {
        "schema": SCHEMA,
        "store": str(place.store),
        "fingerprint": fingerprint,
        "synthetic": any(result.synthetic for result in results),
        "protocol": {"name": widest.protocol, "description": widest.description},
        "methods": [
            _described(result, label, place) for result, label in zip(results, told, strict=True)
        ],
        "subset": widest.subset,
        "normalize": _normalize(results),
        "seeds": list(widest.seeds),
        "ensemble": _ensemble(results),
        "n": paired.n,
        "left_out": paired.left_out,
        "clusters": paired.clusters,
        "replicates": {
            "bootstrap": tests.BOOTSTRAP_REPLICATES,
            "permutation": tests.n_arrangements(paired.shared.n_units),
        },
        "pairs": pairs,
        "notes": [
            *agreement.notes(results, told),
            *words.notes(paired, n_folds, len(widest.seeds), pairs),
        ],
        "hashes": {
            _below(result.folder.root / name, place): digest
            for result in results
            for name, digest in result.hashes.items()
        },
        "files": {"comparison": str(target)},
    }
    write_metrics(target, value)
    return value


def _pairs(
    paired: Paired, told: Sequence[str], ratios: Sequence[float], progress: Progress
) -> list[dict[str, Any]]:
    """Each pair of methods in the order named; p-values are corrected over all of them."""
    shared, predicted = paired.shared, paired.predicted
    by_fold = [tests.fold_scores(shared, each) for each in predicted]
    replicates = [tests.bootstrap(shared, each, SEED) for each in predicted]
    places = list(combinations(range(len(told)), 2))
    p_values = [
        tests.permutation_p(shared, predicted[i], predicted[j], SEED)
        for i, j in progress(places, "comparing", unit="pair")
    ]
    adjusted = {name: tests.holm([p[name] for p in p_values]) for name in COMPARED}
    pairs = []
    for number, (i, j) in enumerate(places):
        metrics = {}
        for name in COMPARED:
            metrics[name] = {
                **_difference(by_fold[i][name], by_fold[j][name], max(ratios[i], ratios[j])),
                "ci95": _interval(replicates[i], replicates[j], name),
                "p": p_values[number][name],
                "p_holm": adjusted[name][number],
            }
        entry = {"first": told[i], "second": told[j], "metrics": metrics}
        if np.array_equal(predicted[i], predicted[j]):
            said = words.same_decisions(entry, paired.n)
        else:
            said = words.sentence(entry, paired.clusters, corrected=len(places) > 1)
        pairs.append({**entry, "sentence": said})
    return pairs


def _difference(first: Floats, second: Floats, test_over_train: float) -> dict[str, Any]:
    """Means over folds, their difference, and the t-test, from scores in each fold (K,).

    Where methods train on different numbers of utterances, the larger ratio is the careful one.
    """
    t, p = tests.corrected_t(second - first, test_over_train)
    return {
        "first": float(first.mean()),
        "second": float(second.mean()),
        "difference": float((second - first).mean()),
        "t": {"statistic": t, "df": len(first) - 1, "p": p},
    }


def _interval(
    first: Mapping[str, Floats] | None, second: Mapping[str, Floats] | None, name: str
) -> list[float] | None:
    if first is None or second is None:
        return None
    interval = tests.difference_interval(first[name], second[name])
    return None if interval is None else list(interval)


def _described(result: Evaluated, label: str, place: Place) -> dict[str, Any]:
    return {
        "label": label,
        "method": result.method,
        "metrics": _below(result.path, place),
        "preset": result.preset,
        "n": result.n,
        "votes": result.votes,
        "settings": dict(result.settings),
    }


def _normalize(results: Sequence[Evaluated]) -> dict[str, str | None]:
    """How each modality is normalised by all who use it; null where they differ."""
    hows: dict[str, set[str]] = {}
    for result in results:
        for name, how in result.normalize.items():
            hows.setdefault(name, set()).add(how)
    return {name: how.pop() if len(how) == 1 else None for name, how in hows.items()}


def _ensemble(results: Sequence[Evaluated]) -> bool | None:
    """Whether the seeds of all that have probabilities were averaged; null where they differ."""
    found = {result.ensemble for result in results if not result.votes}
    return found.pop() if len(found) == 1 else None if found else False


def _below(path: Path, place: Place) -> str:
    """A path as seen from the output folder, with forward slashes."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(place.out)).replace(os.sep, "/")
