"""Describe the content of a store, as `memr ingest` and `memr info` print it. N utterances."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memr_cli.results.corpus import Content, FrameCounts, ModalityFacts
from memr_cli.vocabulary import MODALITIES, ordered_modalities
from store.reader import Store


def describe(store: Store, path: Path) -> Content:
    """Return what a store at `path` holds, in counts.

    The three standard modalities are all listed: one that the store does not hold has `dim` null
    and `present` 0. Names are in the order of their code points, classes in that of their labels.
    """
    utterances = store.utterances
    labels = np.bincount(utterances.label + 1, minlength=len(store.class_names) + 1)[1:]
    names = ordered_modalities({*MODALITIES, *store.modalities})
    return Content(
        store=str(path),
        fingerprint=store.fingerprint,
        synthetic=store.synthetic,
        utterances=store.n,
        labelled=int(labels.sum()),
        speakers=_count(utterances.speakers, utterances.speaker),
        labels=dict(zip(store.class_names, labels.tolist(), strict=True)),
        sessions=_count(utterances.sessions, utterances.session),
        dialogues=len(utterances.dialogues),
        splits=_count(utterances.splits, utterances.split),
        modalities={name: describe_modality(store, name) for name in names},
        sequences=any(modality.has_sequences for modality in store.modalities.values()),
        provenance=dict(store.provenance),
    )


def _count(names: Sequence[str], codes: NDArray[np.int32]) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def describe_modality(store: Store, name: str) -> ModalityFacts:
    """Return dims, utterances with and without a modality, and frames of those with it."""
    nothing = FrameCounts(min=None, median=None, max=None)
    modality = store.modalities.get(name)
    if modality is None:
        return ModalityFacts(dim=None, present=0, missing=store.n, frames=nothing)
    frames, counts = store.frame_counts(name)[store.present(name)], nothing
    if len(frames):
        median = float(np.median(frames))
        counts = FrameCounts(
            min=int(frames.min()),
            median=int(median) if median.is_integer() else median,
            max=int(frames.max()),
        )
    return ModalityFacts(
        dim=modality.dim, present=modality.present, missing=modality.missing, frames=counts
    )
