"""Write a store of many utterances: large_store.py STORE UTTERANCES NAME=DIM…

Straight through the store's writer, since no one wants hundreds of thousands of feature files. What
the features say is noise.
"""

import sys
from pathlib import Path

import numpy as np

from store.utterances import Utterances
from store.writer import StoreWriter

SPEAKERS = 10
CLASSES = ("anger", "sadness", "happiness", "neutral")


def main() -> None:
    """Run as a program."""
    path, n = Path(sys.argv[1]), int(sys.argv[2])
    dims = {name: int(dim) for name, _, dim in (pair.partition("=") for pair in sys.argv[3:])}
    rng = np.random.default_rng(0)
    utterances = Utterances.arrange(
        ids=[f"utterance{row:07d}" for row in range(n)],
        speakers=[f"{'FM'[row % 2]}{row % SPEAKERS // 2 + 1:02d}" for row in range(n)],
        labels=rng.integers(len(CLASSES), size=n).tolist(),
        sessions=[None] * n,
        dialogues=[None] * n,
        turns=[None] * n,
        splits=[None] * n,
    )
    with StoreWriter(path, utterances, CLASSES, provenance={}, synthetic=True) as writer:
        for name, dim in dims.items():
            writer.add_modality(name, dim)
            for _ in range(n):
                writer.append(name, rng.standard_normal(dim, np.float32), 1)
        writer.finish()


if __name__ == "__main__":
    main()
