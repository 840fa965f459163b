"""Ingest a raw corpus into a store, completely or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from memr_cli.corpora.corpus import Corpus
from memr_cli.corpora.registry import layout_of
from memr_cli.errors import InputError
from memr_cli.files.locks import holding
from memr_cli.ingestion.columns import write_store
from memr_cli.ingestion.description import describe
from memr_cli.ingestion.existing_store import existing_fingerprint, is_same
from memr_cli.ingestion.settings import IngestSettings
from memr_cli.progress import Progress
from memr_cli.results.corpus import Content, Ingestion
from store.atomic import replacing
from store.locks import beside
from store.reader import Store
from store.utterances import Utterances


class _Unchanged(Exception):  # noqa: N818 - not an error
    """The store has this content already; the temporary one is dropped."""


def _ignore(sentence: str) -> None:
    pass


def ingest(
    raw: Path,
    store: Path,
    settings: IngestSettings,
    progress: Progress,
    *,
    wait: float | None = None,
    notice: Callable[[str], None] = _ignore,
) -> Ingestion:
    """Write the corpus at `raw` to `store`.

    A store with exactly this content is not touched. One with other content is replaced only with
    `overwrite`, and a file that is no store never. After an error the file that was there remains.
    If another process is writing this store, ingest waits `wait` seconds, or with None until it is
    done; `notice` receives a sentence about that.

    Raises InputError for raw data that its layout does not allow, StoreRefusedError for a store
    that would have to be replaced, UnsupportedError for an unusable layout, SystemRefusedError
    where another process does not finish in time, OSError from the system.
    """
    layout = layout_of(raw, settings.layout, notice)
    corpus = layout.read(raw, settings.class_names, settings.max_file_size)
    with closing(corpus.source):
        if not any(utterance.features for utterance in corpus.utterances):
            raise InputError(f"{raw} lists no feature file: all feature columns are empty")
        utterances = _arrange(corpus)
        target = Path(os.path.realpath(store))
        with holding([beside(target)], wait, notice):
            return _replaced(store, corpus, utterances, settings, progress)


def _replaced(
    store: Path,
    corpus: Corpus,
    utterances: Utterances,
    settings: IngestSettings,
    progress: Progress,
) -> Ingestion:
    """Write the store, unless it exists already."""
    existing = existing_fingerprint(store, corpus, utterances, settings)
    existed = store.exists()
    reused = False
    try:
        with replacing(store) as temporary:
            problems = write_store(temporary, corpus, utterances, settings, progress)
            with Store.open(temporary) as written:
                reused = existing is not None and is_same(store, existing, written, settings)
            if reused:
                raise _Unchanged
    except _Unchanged:
        pass
    with Store.open(store) as held:
        content = describe(held, store)
    replaced = [f"what {store} held before was replaced"] if existed and not reused else []
    return Ingestion(
        **msgspec.structs.asdict(content),
        problems=problems,
        notes=(*corpus.notes, *replaced, *_notes(corpus, content)),
        reused=reused,
    )


def _arrange(corpus: Corpus) -> Utterances:
    listed = corpus.utterances
    return Utterances.arrange(
        ids=[utterance.id for utterance in listed],
        speakers=[utterance.speaker for utterance in listed],
        labels=[utterance.label for utterance in listed],
        sessions=[utterance.session for utterance in listed],
        dialogues=[utterance.dialogue for utterance in listed],
        turns=[utterance.turn for utterance in listed],
        splits=[utterance.split for utterance in listed],
    )


def _notes(corpus: Corpus, content: Content) -> Iterator[str]:
    if not content.labelled:
        yield "no utterance is labelled; there is nothing to train on or to score"
    for modality in corpus.modalities:
        listed = sum(modality in utterance.features for utterance in corpus.utterances)
        if listed and not content.modalities[modality].present:
            yield f"{modality} is absent: none of its {listed} files can be used"
