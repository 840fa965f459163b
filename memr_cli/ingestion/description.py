"""What a store tells of itself, as `memr ingest` and `memr info` print it. N utterances."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.vocabulary import MODALITIES
from store.reader import Store


def describe(store: Store) -> dict[str, Any]:
    """What a store holds, in counts; all of it can go into JSON.

    The three modalities are all listed: one that the store does not hold has `dim` null and
    `present` 0. Names are in the order of their code points, classes in that of their labels.
    """
    utterances = store.utterances
    labels = np.bincount(utterances.label + 1, minlength=len(store.class_names) + 1)[1:]
    names = [*MODALITIES, *(name for name in store.modalities if name not in MODALITIES)]
    return {
        "fingerprint": store.fingerprint,
        "synthetic": store.synthetic,
        "utterances": store.n,
        "labelled": int(labels.sum()),
        "speakers": _count(utterances.speakers, utterances.speaker),
        "labels": dict(zip(store.class_names, labels.tolist(), strict=True)),
        "sessions": _count(utterances.sessions, utterances.session),
        "dialogues": len(utterances.dialogues),
        "splits": _count(utterances.splits, utterances.split),
        "modalities": {name: describe_modality(store, name) for name in names},
        "sequences": any(modality.has_sequences for modality in store.modalities.values()),
        "provenance": dict(store.provenance),
    }


def _count(names: Sequence[str], codes: NDArray[np.int32]) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def describe_modality(store: Store, name: str) -> dict[str, Any]:
    """Dims, utterances with and without it, and frames of those with it, for any modality."""
    lengths: dict[str, float | None] = {"min": None, "median": None, "max": None}
    modality = store.modalities.get(name)
    if modality is None:
        return {"dim": None, "present": 0, "missing": store.n, "frames": lengths}
    frames = store.frame_counts(name)[store.present(name)]
    if len(frames):
        median = float(np.median(frames))
        lengths = {
            "min": int(frames.min()),
            "median": int(median) if median.is_integer() else median,
            "max": int(frames.max()),
        }
    return {
        "dim": modality.dim,
        "present": modality.present,
        "missing": modality.missing,
        "frames": lengths,
    }
