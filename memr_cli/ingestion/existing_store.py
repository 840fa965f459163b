"""The store that exists at the path of a new one: reused, replaced, or a reason to refuse."""

from pathlib import Path
from typing import Any

import numpy as np

from memr_cli.corpora.corpus import Corpus
from memr_cli.errors import StoreRefusedError
from memr_cli.files.visible import enumerate_names, show
from memr_cli.ingestion.description import describe_modality
from memr_cli.ingestion.settings import IngestSettings
from store.check import check
from store.errors import NotAStoreError, StoreError, StoreMissingError
from store.reader import Store
from store.utterances import Utterances


def existing_fingerprint(
    path: Path, corpus: Corpus, utterances: Utterances, settings: IngestSettings
) -> str | None:
    """Return the fingerprint of the store at `path`; None where there is none, or it is unusable.

    Raises StoreRefusedError where the listing alone shows that it would have to be replaced, and
    the settings do not allow that.
    """
    try:
        with Store.open(path) as store:
            found = _known_difference(store, corpus, utterances, settings)
            fingerprint = store.fingerprint
    except StoreMissingError:
        return None
    except NotAStoreError as error:
        raise StoreRefusedError(
            f"{path} exists and is not a memr store, so it is never overwritten. "
            "Move it away, or choose another path with --store PATH"
        ) from error
    except StoreError as error:
        if not settings.overwrite:
            raise StoreRefusedError(str(error)) from error
        return None
    if found and not settings.overwrite:
        raise _refusal(path, found)
    return fingerprint


def _known_difference(
    store: Store, corpus: Corpus, utterances: Utterances, settings: IngestSettings
) -> str | None:
    """Return a difference between the store and the corpus that the listing shows; or None."""
    held = store.utterances
    if store.n != len(utterances):
        return f"it has {store.n} utterances, this corpus {len(utterances)}"
    for column in ("id", "speaker", "label", "session", "dialogue", "turn", "split"):
        if _values(held, column) != _values(utterances, column):
            return f"it has as many utterances, {store.n}, but the column {column} differs"
    if not np.array_equal(held.source_row, utterances.source_row):
        return "it has the same utterances, listed in another order"
    if store.class_names != corpus.class_names:
        theirs, ours = map(enumerate_names, (store.class_names, corpus.class_names))
        return f"its classes are {theirs or 'none'}; here they are {ours or 'none'}"
    if store.synthetic != corpus.synthetic:
        return "one of the two is marked as synthetic, the other is not"
    with_sequences = any(modality.has_sequences for modality in store.modalities.values())
    if with_sequences != settings.sequences:
        return "it holds " + ("sequences" if with_sequences else "pooled vectors without sequences")
    return None


def is_same(path: Path, fingerprint: str, written: Store, settings: IngestSettings) -> bool:
    """Return whether the store at `path`, which has this fingerprint, equals the one just written.

    A store states its own fingerprint, so its content is verified first. Raises StoreRefusedError
    where it would have to be replaced and the settings do not allow that.
    """
    if written.fingerprint == fingerprint:
        violations = check(path)
        if not violations:
            return True
        if not settings.overwrite:
            raise StoreRefusedError(
                f"{path} should hold exactly this, but it is damaged: {violations[0]}. "
                "Add --overwrite to replace it"
            )
    elif not settings.overwrite:
        raise _refusal(path, _difference(path, written))
    return False


def _difference(path: Path, written: Store) -> str:
    """Return a difference between the features of the store at `path` and the one just written."""
    with Store.open(path) as store:
        before, after = store.provenance.get("pooling"), written.provenance.get("pooling")
        if before != after:
            return f"it was pooled by {show(str(before))}, here by {after}"
        for name in sorted(store.modalities.keys() | written.modalities.keys()):
            theirs, ours = describe_modality(store, name), describe_modality(written, name)
            for key in ("dim", "present", "missing"):
                one, other = getattr(theirs, key), getattr(ours, key)
                if one != other:
                    return f"{name} has {key} {one} there, {other} here"
            if theirs.frames != ours.frames:
                return f"{name} has other numbers of frames there"
    return "the same utterances have other features"


def _refusal(path: Path, found: str) -> StoreRefusedError:
    """Return the error for a store that would have to be replaced; `found` is the difference."""
    return StoreRefusedError(
        f"{path} holds other content: {found}. "
        "Add --overwrite to replace it, or choose another path with --store PATH"
    )


def _values(utterances: Utterances, column: str) -> tuple[Any, ...]:
    if column == "id":
        return utterances.ids
    codes = getattr(utterances, column).tolist()
    if column in ("label", "turn"):
        return tuple(codes)
    names = getattr(utterances, f"{column}s")
    return tuple(names[code] if code >= 0 else None for code in codes)
