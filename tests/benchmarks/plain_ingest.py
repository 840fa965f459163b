"""Pooling the plain way: numpy.load and a mean over time, file after file.

The yardstick for `memr ingest`. It checks nothing, hashes nothing and writes nothing: what it takes
is what reading and pooling alone take. Prints the shape of each modality's matrix.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np

COLUMNS = ("visual_features", "acoustic_features", "lexical_features")


def main() -> None:
    """Run as a program: plain_ingest.py RAW."""
    raw = Path(sys.argv[1])
    pooled: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
    with (raw / "dataset.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in COLUMNS:
                if row[name]:
                    frames = np.load(raw / row[name].lstrip("/"))
                    pooled[name].append(frames.mean(axis=0) if frames.ndim == 2 else frames)
    matrices = {name: np.stack(vectors) for name, vectors in pooled.items() if vectors}
    print(json.dumps({name: matrix.shape for name, matrix in matrices.items()}))


if __name__ == "__main__":
    main()
