"""Reading a corpus the plain way, file after file: the yardsticks for `memr ingest`.

    plain_ingest.py pool RAW    numpy.load and a mean over time, then one matrix a modality
    plain_ingest.py sum RAW     numpy.load and a sum over time, of which nothing is kept
    plain_ingest.py read RAW    the bytes of the files, and nothing else

Each checks nothing, hashes nothing and writes nothing. Features are in RAW/features, or in
RAW/features.zip. Prints one JSON object: how many files there were, and the seconds it took once
the libraries were loaded.
"""

import argparse
import csv
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

COLUMNS = ("visual_features", "acoustic_features", "lexical_features")


class Features:
    """The feature files that a listing names, in a folder or in a zip."""

    def __init__(self, raw: Path) -> None:
        self._raw = raw
        archive = raw / "features.zip"
        self._archive = zipfile.ZipFile(archive) if archive.exists() else None

    def listed(self) -> Iterator[tuple[str, str]]:
        """Column and path of each file, in the order of the listing."""
        with (self._raw / "dataset.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for column in COLUMNS:
                    if row[column]:
                        yield column, row[column].lstrip("/")

    def read(self, path: str) -> bytes:
        """The bytes of a file."""
        return self._archive.read(path) if self._archive else (self._raw / path).read_bytes()

    def load(self, path: str) -> np.ndarray:
        """The array in a file, in the way that is quickest for where it lies."""
        loaded: np.ndarray = np.load(
            io.BytesIO(self._archive.read(path)) if self._archive else self._raw / path
        )
        return loaded


def pool(features: Features) -> int:
    """One vector a file, stacked by modality; returns how many files there were."""
    pooled: dict[str, list[np.ndarray]] = {column: [] for column in COLUMNS}
    for column, path in features.listed():
        frames = features.load(path)
        pooled[column].append(frames.mean(axis=0) if frames.ndim == 2 else frames)
    return sum(len(np.stack(vectors)) for vectors in pooled.values() if vectors)


def add_up(features: Features) -> int:
    """A sum over time for each file; returns how many files there were."""
    files = 0
    for _, path in features.listed():
        features.load(path).sum(axis=0)
        files += 1
    return files


def read(features: Features) -> int:
    """All bytes; returns how many files there were."""
    files = 0
    for _, path in features.listed():
        features.read(path)
        files += 1
    return files


WORK = {"pool": pool, "sum": add_up, "read": read}


def main() -> None:
    """Run as a program."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", choices=WORK)
    parser.add_argument("raw", type=Path)
    asked = parser.parse_args()
    started = time.perf_counter()
    files = WORK[asked.work](Features(asked.raw))
    print(json.dumps({"files": files, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
