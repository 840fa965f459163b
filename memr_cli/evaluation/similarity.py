"""Feature vectors, and dims, that nearly repeat others.

Nearly means a cosine above 0.999 between standardised vectors. Raw features would not do: those
that are never negative, as after a rectifier, or of very different ranges, all point the same way
(of real eGeMAPS vectors, 99.9 % have a raw cosine above 0.999 with one of another session). After
each dim has been brought to mean 0 and one range, honest vectors point their own ways, and a
copy with noise of 4 % of a dim's spread still has a cosine of 0.999. The range is that of the
middle 90 %, and values further than CLIP of them from the median are moved there: by mean and
spread, a few wild values would set the scale of their dim and make all other rows alike. All rows
that take part are looked at: no model is made from them.

Letters: N utterances, D dims, K folds, n rows that take part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.evaluation.columns import NONE, Rows
from memr_cli.evaluation.folds import Fold
from memr_cli.evaluation.leakage import Copies, Mask, identical_vectors, taking_part

COSINE = 0.999

MIDDLE, CLIP = 90.0, 3.0
"""Ranges of the middle 90 % from the median at which values are cut off."""

LEAST_DIMS = 3
"""Varying dims below which vectors have too few ways to point for a cosine to tell copies."""

BY_CHANCE = 0.001
"""If more than this share of vectors has such neighbours by chance, none are looked for."""

QUERIES = 10_000
"""Test vectors looked at, at most; every one is held against all of training."""

_BLOCK = 1024
_DIMS = 256
_SAMPLE = 1000
_DRAWN = 100
_NEIGHBOURS = 10

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NearCopies(Copies):
    """Nearly identical vectors, identical ones apart.

    by_chance: about the share of vectors that come this near to another by chance; where it is
    above BY_CHANCE, nothing was looked at. local_dims: in how many dims vectors spread around one
    of them, which decides it. Both None where they are unknown, and nothing was looked at.
    reason: why nothing was looked at; None where something was.
    """

    local_dims: float | None
    by_chance: float | None
    reason: str | None = None


def near_copies(
    features: Floats, code: NDArray[np.int64], folds: Sequence[Fold], rng: np.random.Generator
) -> NearCopies:
    """Find the test vectors with a cosine above COSINE to a training vector, and identical to none.

    features: (N, D), NaN where missing. code: (N,) from `leakage.vector_codes`. At most QUERIES
    test vectors are looked at, drawn by `rng`. Never holds more than a block of cosines.
    """
    nothing = np.zeros(code.size, np.bool_)

    def none(reason: str, dims: float | None = None, chance: float | None = None) -> NearCopies:
        return NearCopies(nothing, nothing, dims, chance, reason)

    rows = taking_part(folds)
    rows = rows[code[rows] != NONE]
    first_of_each = np.unique(code[rows], return_index=True)[1]
    if first_of_each.size <= _NEIGHBOURS:
        return none(f"{first_of_each.size} distinct vectors")
    units = _units(features, rows)
    n_varying = int((np.ptp(units, axis=0) > 0).sum())
    if n_varying < LEAST_DIMS:
        return none(f"dims that vary: {n_varying}, where cosines need {LEAST_DIMS}")
    chance = _by_chance(units[first_of_each], rng)
    if chance is None or chance[1] > n_varying:
        return none("how vectors spread around one another cannot be estimated")
    by_chance, dims = chance
    if by_chance > BY_CHANCE:
        common = f"about {100 * by_chance:.1f} % of vectors come as near to one another by chance"
        return none(common, dims, by_chance)
    copies = identical_vectors(code, folds)
    position = np.full(code.size, NONE, np.int64)  # of an utterance among `rows`
    position[rows] = np.arange(rows.size)
    in_training = np.zeros((len(folds), rows.size), np.bool_)
    fold_of = np.full(rows.size, NONE, np.int64)
    for index, fold in enumerate(folds):
        train, test = (part[code[part] != NONE] for part in (fold.train, fold.test))
        in_training[index, position[train]] = True
        fold_of[position[test]] = index
    queries = position[np.flatnonzero(copies.tested)]
    if queries.size > QUERIES:
        queries = np.sort(rng.choice(queries, QUERIES, replace=False))
    hit = _with_neighbour(units, queries, fold_of, in_training)
    tested, found = nothing.copy(), nothing.copy()
    tested[rows[queries]] = True
    found[rows[queries[hit]]] = True
    return NearCopies(tested, found & ~copies.found, dims, by_chance)


def duplicates(features: Floats, threshold: float) -> Mask:
    """Return (D,) the dims whose correlation with an earlier one is above `threshold` in size.

    features: (n, D), no missing rows. A dim that never varies repeats none. Holds a block of
    correlations at a time.
    """
    scaled = _standardised(features, np.arange(len(features))).T
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    scaled = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 0)
    repeats = np.zeros(len(scaled), np.bool_)
    for start in range(0, len(scaled), _BLOCK):
        stop = min(start + _BLOCK, len(scaled))
        alike = np.abs(scaled[start:stop] @ scaled[:stop].T) > threshold
        earlier = np.arange(stop)[None, :] < np.arange(start, stop)[:, None]
        repeats[start:stop] = (alike & earlier).any(axis=1)
    return repeats


def extents(features: Floats, rows: Rows, share: float) -> tuple[Floats, Floats]:
    """Return (D,) medians and ranges of the middle `share` % of each dim; zeros without rows."""
    bounds = [50 - share / 2, 50, 50 + share / 2]
    middle, extent = np.zeros((2, features.shape[1]), np.float32)
    for start in range(0, features.shape[1] if rows.size else 0, _DIMS):
        here = slice(start, start + _DIMS)
        low, median, high = np.percentile(features[rows, here], bounds, axis=0)
        middle[here], extent[here] = median, high - low
    return middle, extent


def _standardised(features: Floats, rows: Rows) -> Floats:
    """Return (n, D) the rows in ranges of the middle 90 %, cut off at CLIP of them, with mean 0.

    Where that range is nil, the median distance of the values that are not the median is used.
    """
    middle, extent = extents(features, rows, MIDDLE)
    scaled: Floats = features[rows]
    scaled -= middle
    for dim in np.flatnonzero(extent == 0):
        away = np.abs(scaled[:, dim])
        extent[dim] = np.median(away[away > 0]) if away.any() else 1
    scaled /= extent
    np.clip(scaled, -CLIP, CLIP, out=scaled)
    scaled -= scaled.mean(axis=0, dtype=np.float64).astype(np.float32)
    return scaled


def _units(features: Floats, rows: Rows) -> Floats:
    """Return (n, D) the standardised rows at length 1; a row of zeros stays so."""
    units = _standardised(features, rows)
    lengths = np.sqrt(np.einsum("nd,nd->n", units, units))[:, None]
    np.divide(units, lengths, out=units, where=lengths > 0)
    return units


def _by_chance(distinct: Floats, rng: np.random.Generator) -> tuple[float, float] | None:
    """Estimate the share of vectors that come this near to another by chance, and the local dims.

    distinct: (n, D) of length 1. Around a vector in m dims, as many neighbours lie within a
    distance r as are expected from the k-th one's distance T: k (r / T)^m. m is estimated from the
    k nearest neighbours that are no near copies (E. Levina and P. Bickel, 2004, Maximum likelihood
    estimation of intrinsic dimension; inverses averaged, as D. MacKay and Z. Ghahramani, 2005,
    proposed). None where there are too few vectors, or neighbours lie all equally far.
    """
    k = _NEIGHBOURS
    near = np.sqrt(2 * (1 - COSINE))
    drawn = distinct[np.sort(rng.choice(len(distinct), min(_SAMPLE, len(distinct)), replace=False))]
    farthest, logs = [], []
    for start in range(0, len(drawn), _DRAWN):
        cosines = drawn[start : start + _DRAWN] @ distinct.T
        distance = np.sqrt(np.maximum(2 - 2 * cosines.astype(np.float64), 0))
        distance[distance < near] = np.inf
        nearest = np.sort(np.partition(distance, k - 1, axis=1)[:, :k], axis=1)
        nearest = nearest[np.isfinite(nearest[:, -1])]
        farthest.append(nearest[:, -1])
        logs.append(np.log(nearest[:, -1:] / nearest[:, :-1]).sum(axis=1) / (k - 2))
    distances, inverse = np.concatenate(farthest), np.concatenate(logs)
    if not distances.size or inverse.mean() < 1e-3:
        return None
    dims = 1 / float(inverse.mean())
    expected = k * (near / distances) ** dims
    return float(np.minimum(expected, 1).mean()), dims


def _with_neighbour(
    units: Floats, queries: Rows, fold_of: NDArray[np.int64], in_training: Mask
) -> Mask:
    """Return (q,) whether a query has a near vector in the training part of its fold.

    units: (n, D). queries: (q,) rows of it. fold_of: (n,). in_training: (K, n).
    """
    hit = np.zeros(queries.size, np.bool_)
    for start in range(0, queries.size, _BLOCK):
        asked = queries[start : start + _BLOCK]
        looked_at = units[asked]
        for first in range(0, len(units), _BLOCK):
            cosines = looked_at @ units[first : first + _BLOCK].T
            near_query, near_row = np.nonzero(cosines > COSINE)
            trains = in_training[fold_of[asked[near_query]], first + near_row]
            hit[start + near_query[trains]] = True
    return hit
