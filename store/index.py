"""Where the rows of a speaker or a label are. N utterances, S speakers, R ranges."""

import numpy as np
from numpy.typing import NDArray


def speaker_index(speaker: NDArray[np.int32], n_speakers: int) -> NDArray[np.int64]:
    """(S, 2) int64: first row and row after the last of each speaker, from sorted (N,) codes."""
    edges = np.searchsorted(speaker, np.arange(n_speakers + 1))
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int64)


def label_index(label: NDArray[np.int32]) -> NDArray[np.int64]:
    """(R, 3) int64: label, first row, row after the last of each longest run of one label.

    label: (N,) codes, -1 included. The ranges are sorted by label, then by first row.
    """
    begins = np.ones(len(label), dtype=np.bool_)
    begins[1:] = label[1:] != label[:-1]
    starts = np.flatnonzero(begins)
    stops = np.append(starts, len(label))[1:]
    ranges = np.stack([label[starts], starts, stops], axis=1).astype(np.int64)
    return ranges[np.lexsort((starts, ranges[:, 0]))]
