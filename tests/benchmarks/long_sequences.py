"""Write a corpus of long visual sequences and nothing else: long_sequences.py RAW BYTES FRAMES DIM.

The sequences are stretches of one random block, each from another place: what they say does not
matter to reading them, and drawing gigabytes would take longer than all that is to be timed.
"""

import csv
import sys
from pathlib import Path

import numpy as np

SPEAKERS = 10


def main() -> None:
    """Run as a program."""
    raw, sizes = Path(sys.argv[1]), sys.argv[2:]
    n_bytes, frames, dim = (int(size) for size in sizes)
    rng = np.random.default_rng(0)
    spread = max(1, frames // 10)
    block = rng.standard_normal((2 * frames + 2 * spread, dim), np.float32)
    folder = raw / "features" / "visual_features"
    folder.mkdir(parents=True)
    rows: list[tuple[object, ...]] = []
    written = 0
    while written < n_bytes or len(rows) < SPEAKERS:
        length = int(rng.integers(frames - spread, frames + spread + 1))
        start = int(rng.integers(len(block) - length + 1))
        name = f"utterance{len(rows):06d}"
        np.save(folder / f"{name}.npy", block[start : start + length])
        written += length * dim * block.itemsize
        speaker = f"{'FM'[len(rows) % 2]}{len(rows) % SPEAKERS // 2 + 1:02d}"
        rows.append((name, speaker, f"/features/visual_features/{name}.npy", "", "", len(rows) % 4))
    with (raw / "dataset.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            (
                "file_name_list",
                "speakers",
                "visual_features",
                "acoustic_features",
                "lexical_features",
                "emotion_labels",
            )
        )
        writer.writerows(rows)


if __name__ == "__main__":
    main()
