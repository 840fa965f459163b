"""One feature file from path to pooled vector: reading, checking and pooling in one step.

Shapes: T frames, D dims.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.features import FeatureProblem, Reason, check_finite
from memr_cli.corpora.pooling import Pooling, pool
from memr_cli.corpora.sources import FeatureSource, Found


@dataclass(frozen=True)
class Pooled:
    """What a usable file comes to: `shape` (T, D), `vector` (D,), `frames` (T, D) where kept."""

    shape: tuple[int, int]
    vector: NDArray[np.float32]
    frames: NDArray[np.float32] | None


@dataclass(frozen=True)
class Loaded:
    """The outcome of one feature file; `digest` stands for its bytes, or for why there are none."""

    digest: bytes
    outcome: Pooled | FeatureProblem


def find(source: FeatureSource, path: str) -> Found | FeatureProblem:
    """The file at `path` of `source`, not yet read; or why there is none to be read."""
    try:
        return source.find(path)
    except FeatureProblem as problem:
        return problem


def load(found: Found | FeatureProblem, pooling: Pooling, *, sequences: bool) -> Loaded:
    """Read, check and pool one file; `sequences` keeps its frames.

    Without side effects and with no state of its own, so that threads may run it ahead.
    """
    if isinstance(found, FeatureProblem):
        return Loaded(found.digest, found)
    try:
        frames = found.read()
    except FeatureProblem as problem:
        return Loaded(problem.digest, problem)
    try:
        return Loaded(frames.digest, _pooled(frames.array, pooling, sequences))
    except FeatureProblem as problem:
        return Loaded(frames.digest, problem)


def _pooled(frames: NDArray[np.floating[Any]], pooling: Pooling, sequences: bool) -> Pooled:
    vector = pool(frames, pooling)
    if vector is None:
        raise FeatureProblem(Reason.EMPTY, f"is an empty array of shape {frames.shape}")
    if not _shows_all_finite(vector, frames, pooling):
        check_finite(frames)
    kept = None
    if sequences:
        with np.errstate(over="ignore"):  # refused right below
            kept = frames.astype(np.float32, copy=False)
    narrowed = vector if kept is None or kept is frames else kept
    if not np.isfinite(narrowed).all():
        raise FeatureProblem(Reason.NOT_FINITE, "holds values beyond the range of float32")
    return Pooled((frames.shape[0], frames.shape[1]), vector, kept)


def _shows_all_finite(
    vector: NDArray[np.float32], frames: NDArray[np.floating[Any]], pooling: Pooling
) -> bool:
    """Whether a pooled vector (D,) proves frames (T, D) finite, which saves a pass over them.

    NaN and infinity in a frame stay in any sum. In a maximum NaN and infinity stay too, and minus
    infinity shows in the least value of all.
    """
    if not np.isfinite(vector).all():
        return False
    return pooling is Pooling.MEAN or len(frames) == 1 or bool(np.isfinite(frames.min()))
