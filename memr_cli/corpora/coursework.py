"""The layout `coursework`: `dataset.csv` beside `features/` or `features.zip`.

Where both exist, the folder is read and the zip is not: a path is looked up in one of them only, so
that no result depends on a file that its owner has forgotten.
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from memr_cli.corpora.archives import ZipSource
from memr_cli.corpora.classes import fault_in, read_labels
from memr_cli.corpora.corpus import Corpus, Layout, Utterance
from memr_cli.corpora.features import FeatureSource
from memr_cli.corpora.folders import ARCHIVE, FOLDER, FolderSource
from memr_cli.corpora.iemocap import session_and_dialogue
from memr_cli.corpora.limits import MAX_FILE_BYTES, too_large
from memr_cli.corpora.listing import Listing, name_problem, read_listing
from memr_cli.errors import InputError
from memr_cli.files.plain import PlainFileError, opened
from memr_cli.files.visible import quote
from memr_cli.vocabulary import ALIASES, MODALITIES, is_modality_name, ordered_modalities

LISTING = "dataset.csv"
CLASSES = "classes.txt"
SYNTHETIC_MARK = "SYNTHETIC.txt"
"""A file of this name marks the corpus as synthetic."""

ID, SPEAKER, LABEL = "file_name_list", "speakers", "emotion_labels"
SUFFIX = "_features"
FEATURE_COLUMNS = {modality: f"{modality}{SUFFIX}" for modality in MODALITIES}
REQUIRED = (ID, SPEAKER, *FEATURE_COLUMNS.values(), LABEL)
RENAMED = {f"{alias}{SUFFIX}": FEATURE_COLUMNS[name] for alias, name in ALIASES.items()}
OPTIONAL = ("session", "dialogue", "turn", "split")

MAX_TURN = 2**31 - 1

_NO_FEATURES = MappingProxyType[str, str]({})


@dataclass(frozen=True)
class Coursework:
    """The layout; see `Layout`."""

    name: str = "coursework"
    description: str = (
        "dataset.csv beside features/ or features.zip, an .npy file per utterance and modality"
    )
    source: str = 'the notebook "Multimodal Emotion Recognition with Feature Fusion"'

    def recognises(self, raw: Path) -> bool:
        """Return whether `raw` is a folder with the listing of this layout."""
        return (raw / LISTING).is_file()

    def read(
        self, raw: Path, class_names: Sequence[str] | None, max_file_size: int = MAX_FILE_BYTES
    ) -> Corpus:
        """Return the corpus in the folder `raw`; `class_names` take precedence over `classes.txt`.

        Features are not read yet, but the zip that may hold them is opened: close `source`. Raises
        InputError, with the line where there is one, for content that the layout does not allow;
        OSError from the system.
        """
        path = _listing_of(raw)
        content = _content(path, max_file_size)
        listing = read_listing(path, content, REQUIRED, OPTIONAL, RENAMED, suffix=SUFFIX)
        if class_names is None:
            class_names, names_content = _class_file(raw / CLASSES, max_file_size)
            content += names_content
        labels = read_labels(listing, LABEL, class_names)
        _check_unique(listing)
        _check_names(listing)
        modalities = _modalities(listing)
        notes = []
        if (raw / FOLDER).is_dir() and (raw / ARCHIVE).exists():
            notes.append(
                f"{raw} holds both {FOLDER}/ and {ARCHIVE}; the folder is read, not the zip"
            )
        return Corpus(
            layout=self.name,
            utterances=_utterances(listing, labels.values, modalities),
            class_names=labels.class_names,
            synthetic=(raw / SYNTHETIC_MARK).exists(),
            source=open_source(raw, max_file_size),
            modalities=modalities,
            listing=content,
            notes=tuple(notes),
        )


LAYOUT: Layout = Coursework()


def open_source(raw: Path, max_file_size: int = MAX_FILE_BYTES) -> FeatureSource:
    """Return the folder RAW, or `RAW/features.zip` where there is no folder `RAW/features`.

    Raises InputError where the zip cannot be opened as one.
    """
    archive = raw / ARCHIVE
    if (raw / FOLDER).is_dir() or not archive.exists():
        return FolderSource(raw, max_file_size)
    return ZipSource(archive, max_file_size)


def _listing_of(raw: Path) -> Path:
    expected = f"expected is a folder with {LISTING} beside {FOLDER}/ or {ARCHIVE}"
    if not raw.exists():
        raise InputError(f"{raw} does not exist; {expected}")
    if not raw.is_dir():
        raise InputError(f"{raw} is not a folder; {expected}")
    listing = raw / LISTING
    if not listing.is_file():
        raise InputError(f"{raw} holds no file {LISTING}; {expected}")
    return listing


def _content(path: Path, max_file_size: int) -> bytes:
    """Return the bytes of a plain file, whose size is checked before memory is taken."""
    try:
        with opened(path, sys.maxsize) as (file, size):
            if size > max_file_size:
                raise InputError(
                    f"{path} {too_large(size, max_file_size)}. Raise it if the file is right"
                )
            content = file.read(size + 1)
    except PlainFileError as error:
        raise InputError(f"{path} cannot be read: {error}; expected is a plain file") from error
    if len(content) != size:
        raise InputError(f"{path} changed while it was read. Run the command again once it is done")
    return content


def _class_file(path: Path, max_file_size: int) -> tuple[tuple[str, ...] | None, bytes]:
    """Return the names in `classes.txt`, one a line, and its bytes; (None, b"") without one."""
    try:
        content = _content(path, max_file_size)
    except FileNotFoundError:
        return None, b""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 at byte {error.start} (from 0)") from error
    names = tuple(line.strip() for line in text.splitlines() if line.strip())
    fault = fault_in(names)
    if fault:
        raise InputError(f"{path}: {fault}; expected is one class name a line")
    return names, content


def _check_unique(listing: Listing) -> None:
    identities = listing.column(ID)
    seen: set[str] = set()
    for line, identity in zip(listing.lines, identities, strict=True):
        if not identity:
            raise InputError(f"{listing.at(line)}: the column {ID} is empty; it names utterances")
        if identity in seen:
            first = listing.lines[identities.index(identity)]
            raise InputError(
                f"{listing.at(line)}: utterance {quote(identity)} is on line {first} already; each "
                "is listed once"
            )
        seen.add(identity)


def _check_names(listing: Listing) -> None:
    for name in (ID, SPEAKER, "session", "dialogue", "split"):
        cells = listing.column(name)
        for cell in dict.fromkeys(cells):
            problem = name_problem(cell)
            if not problem and (cell or name != SPEAKER):
                continue
            where = listing.at(listing.lines[cells.index(cell)])
            if problem:
                raise InputError(f"{where}: the column {name} {problem}: {quote(cell)}")
            raise InputError(
                f"{where}: the column {SPEAKER} is empty; "
                "without a speaker an utterance cannot be kept out of training"
            )


def _modalities(listing: Listing) -> tuple[str, ...]:
    """Return the modalities that have a column. Raises InputError for names they cannot have."""
    names = [name.removesuffix(SUFFIX) for name in listing.cells if name.endswith(SUFFIX)]
    for name in names:
        if not is_modality_name(name):
            raise InputError(
                f"{listing.path} names the column {name}{SUFFIX}, and {name!r} cannot be a "
                "modality: expected are lower-case letters, digits and _, first a letter, and no "
                "name of a method. Rename the column."
            )
    return ordered_modalities(names)


def _utterances(
    listing: Listing, labels: Sequence[int | None], modalities: Sequence[str]
) -> tuple[Utterance, ...]:
    """Return the rows; sessions and dialogues without a column come from ids of IEMOCAP's form."""
    has_sessions, has_dialogues = any(listing.column("session")), any(listing.column("dialogue"))
    names = (ID, SPEAKER, *OPTIONAL, *(f"{modality}{SUFFIX}" for modality in modalities))
    columns = zip(listing.lines, labels, *map(listing.column, names), strict=True)
    utterances = []
    for line, label, identity, speaker, session, dialogue, turn, split, *paths in columns:
        if not (has_sessions and has_dialogues) and (implied := session_and_dialogue(identity)):
            session = session if has_sessions else implied[0]
            dialogue = dialogue if has_dialogues else implied[1]
        features = {name: path for name, path in zip(modalities, paths, strict=True) if path}
        utterances.append(
            Utterance(
                id=identity,
                speaker=speaker,
                label=label,
                session=session or None,
                dialogue=dialogue or None,
                turn=_turn(listing, line, turn),
                split=split or None,
                features=features or _NO_FEATURES,
            )
        )
    return tuple(utterances)


def _turn(listing: Listing, line: int, cell: str) -> int | None:
    if not cell:
        return None
    # As with labels: data frames write integers as 3.0 where other cells are empty.
    match = re.fullmatch(r"([0-9]{1,10})(\.0*)?", cell, re.ASCII)
    if match is None or int(match[1]) > MAX_TURN:
        raise InputError(
            f"{listing.at(line)}: turn {quote(cell)} is not an integer from 0 to {MAX_TURN}; "
            "it counts the turns of a dialogue"
        )
    return int(match[1])
