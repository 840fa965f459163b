"""The protocol `split`: the parts that the corpus was published with. N utterances."""

from collections.abc import Sequence

import numpy as np

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.columns import NONE, Columns, Rows
from memr_cli.evaluation.folds import Fold, Part, first_names
from memr_cli.evaluation.protocols.protocol import Protocol

SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "development", "dev"),
    "test": ("test", "testing"),
}
"""Accepted names of the parts of a published split, in upper or lower case."""


class PublishedSplit(Protocol):
    """The corpus's own split: the train and validation part train, the test part is tested."""

    published = True

    def parts(self, columns: Columns, _n_folds: int) -> Sequence[Part]:
        """Return the one part. Other labelled rows are left out, noted."""
        rows = published_rows(columns)
        missing = [name for name in ("train", "test") if not rows[name].size]
        if missing:
            raise UnsupportedError(
                "protocol split needs labelled utterances in a train and a test part, and the "
                f"store has none in {' or '.join(missing)}; found: {_split_counts(columns)}. "
                "Accepted names: "
                + "; ".join(f"{part}: {', '.join(names)}" for part, names in SPLIT_NAMES.items())
                + ". Fill the column `split` of the raw data and ingest again, or use another "
                "--protocol."
            )
        left_out = columns.labelled.size - sum(part.size for part in rows.values())
        note = (
            f"{left_out} labelled utterances belong to no part of the published split and are left "
            f"out; found: {_split_counts(columns)}"
        )
        train = np.union1d(rows["train"], rows["validation"])
        validation = rows["validation"] if rows["validation"].size else None
        return [Part(rows["test"], train, validation, (note,) * (left_out > 0))]

    def words(self, _cut: Sequence[Fold]) -> str:
        """Name the split."""
        return "the corpus's published split"


def published_rows(columns: Columns) -> dict[str, Rows]:
    """Return the labelled rows of the published `train`, `validation` and `test` part."""
    names = np.array([name.strip().casefold() for name in columns.split_names] + [""])
    split = names[columns.split[columns.labelled]]  # code -1 takes the last entry
    return {
        part: columns.labelled[np.isin(split, accepted)] for part, accepted in SPLIT_NAMES.items()
    }


def _split_counts(columns: Columns) -> str:
    """Return the split names of the labelled rows with their counts."""
    codes, counts = np.unique(columns.split[columns.labelled], return_counts=True)
    return first_names(
        [
            f"{columns.split_names[code] if code != NONE else 'no split'} ({count})"
            for code, count in zip(codes, counts, strict=True)
        ]
    )
