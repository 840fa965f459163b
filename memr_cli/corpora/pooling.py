"""Temporal pooling: a sequence of frames becomes one vector.

Shapes: T frames, D dims.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.vocabulary import Pooling

__all__ = ["Pooling", "pool"]


def pool(frames: NDArray[np.floating[Any]], how: Pooling) -> NDArray[np.float32] | None:
    """One vector (D,) for frames (T, D) or a single frame (D,); None where there is nothing.

    `mean` and `max` run over time T, as the published notebook does. An empty sequence (T = 0)
    or frames without dims (D = 0) are a missing modality, not a vector of zeros. float16 is
    added up as float32, float64 as float64; a sum of finite frames that float32 cannot hold is
    taken again in float64. A result beyond float32 comes out infinite, NaN stays NaN: both are
    for the caller to refuse. Raises ValueError for any other number of axes.
    """
    if frames.ndim not in (1, 2):
        raise ValueError(f"frames have shape (T, D) or (D,), not {frames.shape}")
    if frames.size == 0:
        return None
    sequence = np.atleast_2d(frames)
    vector: NDArray[np.floating[Any]]
    with np.errstate(over="ignore", invalid="ignore"):
        # One frame is its own mean and its own greatest; many corpora hold nothing else.
        if len(sequence) == 1:
            vector = sequence[0]
        elif how is Pooling.MAX:
            vector = sequence.max(axis=0)
        else:
            vector = sequence.mean(axis=0, dtype=np.result_type(sequence, np.float32))
            if not np.isfinite(vector).all():
                vector = sequence.mean(axis=0, dtype=np.float64)
        return vector.astype(np.float32)
