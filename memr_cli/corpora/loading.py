"""One feature file from path to pooled vector: reading, checking and pooling in one step.

Shapes: T frames, D dims.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.features import FeatureProblem, Reason, check_finite, parse
from memr_cli.corpora.pooling import Pooling, pool
from memr_cli.corpora.sources import FeatureSource


@dataclass(frozen=True)
class Pooled:
    """What a usable file comes to: `shape` (T, D), `vector` (D,), `frames` (T, D) where kept."""

    shape: tuple[int, int]
    vector: NDArray[np.float32]
    frames: NDArray[np.float32] | None


@dataclass(frozen=True)
class Loaded:
    """What became of one feature file; `digest` stands for its bytes, or for why there are none."""

    digest: bytes
    outcome: Pooled | FeatureProblem


def load(source: FeatureSource, path: str, pooling: Pooling, *, sequences: bool) -> Loaded:
    """Read, check and pool one file; `sequences` keeps its frames.

    Without side effects and with no state of its own, so that threads may run it ahead.
    """
    try:
        content = source.read(path)
    except FeatureProblem as problem:
        return Loaded(hashlib.sha256(problem.reason.encode()).digest(), problem)
    outcome: Pooled | FeatureProblem
    try:
        outcome = _pooled(content, pooling, sequences)
    except FeatureProblem as problem:
        outcome = problem
    return Loaded(hashlib.sha256(content).digest(), outcome)


def _pooled(content: bytes, pooling: Pooling, sequences: bool) -> Pooled:
    frames = parse(content)
    check_finite(frames)
    vector = pool(frames, pooling)
    if vector is None:
        raise FeatureProblem(Reason.EMPTY, f"is an empty array of shape {frames.shape}")
    kept = None
    if sequences:
        with np.errstate(over="ignore"):  # refused right below
            kept = frames.astype(np.float32, copy=False)
    if not np.isfinite(vector if kept is None else kept).all():
        raise FeatureProblem(Reason.NOT_FINITE, "holds values beyond the range of float32")
    return Pooled((frames.shape[0], frames.shape[1]), vector, kept)
