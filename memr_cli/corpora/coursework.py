"""The layout `coursework`: `dataset.csv` beside `features/` or `features.zip`.

Where both lie there, the folder is read and the zip is left alone: a path is looked up in one
place only, so that nobody's result depends on a file they had forgotten.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from memr_cli.corpora.archives import ZipSource
from memr_cli.corpora.classes import fault_in, read_labels
from memr_cli.corpora.corpus import Corpus, Utterance
from memr_cli.corpora.limits import MAX_FILE_BYTES, too_large
from memr_cli.corpora.quoting import quote
from memr_cli.corpora.sources import ARCHIVE, FOLDER, FeatureSource, FolderSource
from memr_cli.corpora.table import Table, name_problem, read_table
from memr_cli.errors import InputError
from memr_cli.files.plain import PlainFileError, opened
from memr_cli.vocabulary import ALIASES, MODALITIES, is_modality_name, ordered_modalities

LAYOUT = "coursework"
LISTING = "dataset.csv"
CLASSES = "classes.txt"
SYNTHETIC_MARK = "SYNTHETIC.txt"
"""A file of this name says that the corpus is made up."""

ID, SPEAKER, LABEL = "file_name_list", "speakers", "emotion_labels"
SUFFIX = "_features"
FEATURE_COLUMNS = {modality: f"{modality}{SUFFIX}" for modality in MODALITIES}
REQUIRED = (ID, SPEAKER, *FEATURE_COLUMNS.values(), LABEL)
RENAMED = {f"{alias}_features": FEATURE_COLUMNS[name] for alias, name in ALIASES.items()}
OPTIONAL = ("session", "dialogue", "turn", "split")

MAX_TURN = 2**31 - 1

_NO_FEATURES: Mapping[str, str] = MappingProxyType({})

# Ses01F_impro01_F001, Ses04M_script02_2b_M013: session 1, improvised or scripted dialogue, turn.
_IEMOCAP_ID = re.compile(
    r"(?P<dialogue>Ses(?P<session>[0-9]{1,4})[FM]_(?:impro|script)[0-9][0-9a-z_]*)_[FM][0-9X]+",
    re.ASCII,
)


def recognises(raw: Path) -> bool:
    """Return whether `raw` is a folder with the listing of this layout."""
    return (raw / LISTING).is_file()


def read_corpus(
    raw: Path, class_names: Sequence[str] | None, max_file_size: int = MAX_FILE_BYTES
) -> Corpus:
    """The corpus in the folder `raw`; `class_names` go before a file `classes.txt` there.

    No single file may have more than `max_file_size` bytes. Features are not read yet, but the zip
    they may lie in is opened: close `source`. Raises InputError, naming the line where there is
    one, for everything that is not as the layout has it; OSError where the system refuses.
    """
    listing = _listing(raw)
    content = _content(listing, max_file_size)
    table = read_table(listing, content, REQUIRED, OPTIONAL, RENAMED, suffix=SUFFIX)
    if class_names is None:
        class_names, names_content = _class_file(raw / CLASSES, max_file_size)
        content += names_content
    labels = read_labels(table, LABEL, class_names)
    _check_unique(table)
    _check_names(table)
    modalities = _modalities(table)
    utterances = _utterances(table, labels.values, modalities)
    notes = []
    if (raw / FOLDER).is_dir() and (raw / ARCHIVE).exists():
        notes.append(f"{raw} holds both {FOLDER}/ and {ARCHIVE}; the folder is read, not the zip")
    return Corpus(
        layout=LAYOUT,
        utterances=utterances,
        class_names=labels.class_names,
        synthetic=(raw / SYNTHETIC_MARK).exists(),
        source=open_source(raw, max_file_size),
        modalities=modalities,
        listing=content,
        notes=tuple(notes),
    )


def open_source(raw: Path, max_file_size: int = MAX_FILE_BYTES) -> FeatureSource:
    """The folder RAW, or `RAW/features.zip` where there is no folder `RAW/features`.

    Raises InputError where the zip cannot be opened as one.
    """
    archive = raw / ARCHIVE
    if (raw / FOLDER).is_dir() or not archive.exists():
        return FolderSource(raw, max_file_size)
    return ZipSource(archive, max_file_size)


def _listing(raw: Path) -> Path:
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
    """The bytes of a plain file, whose size is looked at before any memory is taken."""
    try:
        with opened(path, sys.maxsize) as (file, size):
            if size > max_file_size:
                raise InputError(
                    f"{path} {too_large(size, max_file_size)}. Raise it if the file is what it "
                    "should be"
                )
            content = file.read(size + 1)
    except PlainFileError as error:
        raise InputError(f"{path} cannot be read: {error}; expected is a plain file") from error
    if len(content) != size:
        raise InputError(f"{path} changed while it was read. Run the command again once it is done")
    return content


def _class_file(path: Path, max_file_size: int) -> tuple[tuple[str, ...] | None, bytes]:
    """The names in `classes.txt`, one a line, and its bytes; (None, b"") where there is none."""
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


def _check_unique(table: Table) -> None:
    identities = table.column(ID)
    seen: set[str] = set()
    for line, identity in zip(table.lines, identities, strict=True):
        if not identity:
            raise InputError(f"{table.at(line)}: the column {ID} is empty; it names utterances")
        if identity in seen:
            first = table.lines[identities.index(identity)]
            raise InputError(
                f"{table.at(line)}: utterance {quote(identity)} is on line {first} already; each "
                "is listed once"
            )
        seen.add(identity)


def _check_names(table: Table) -> None:
    for name in (ID, SPEAKER, "session", "dialogue", "split"):
        cells = table.column(name)
        for cell in dict.fromkeys(cells):
            problem = name_problem(cell)
            if not problem and (cell or name != SPEAKER):
                continue
            where = table.at(table.lines[cells.index(cell)])
            if problem:
                raise InputError(f"{where}: the column {name} {problem}: {quote(cell)}")
            raise InputError(
                f"{where}: the column {SPEAKER} is empty; "
                "without a speaker an utterance cannot be kept out of training"
            )


def _modalities(table: Table) -> tuple[str, ...]:
    """The modalities whose columns the table has. Raises InputError for a name of a method."""
    names = [name.removesuffix(SUFFIX) for name in table.cells if name.endswith(SUFFIX)]
    for name in names:
        if not is_modality_name(name):
            raise InputError(
                f"{table.path} names the column {name}{SUFFIX}, and {name!r} cannot be a modality: "
                "expected are lower-case letters, digits and _, first a letter, and no name of a "
                "method. Rename the column."
            )
    return ordered_modalities(names)


def _utterances(
    table: Table, labels: Sequence[int | None], modalities: Sequence[str]
) -> tuple[Utterance, ...]:
    """The rows of the table; an IEMOCAP id stands in for columns that say nothing."""
    implied = [column for column in ("session", "dialogue") if not table.fills(column)]
    columns = zip(
        table.lines,
        labels,
        *(
            table.column(name)
            for name in (
                ID,
                SPEAKER,
                *OPTIONAL,
                *(f"{modality}{SUFFIX}" for modality in modalities),
            )
        ),
        strict=True,
    )
    utterances = []
    for line, label, identity, speaker, session, dialogue, turn, split, *paths in columns:
        parts = _IEMOCAP_ID.fullmatch(identity) if implied else None
        if parts and "session" in implied:
            session = str(int(parts["session"]))
        if parts and "dialogue" in implied:
            dialogue = parts["dialogue"]
        utterances.append(
            Utterance(
                id=identity,
                speaker=speaker,
                label=label,
                session=session or None,
                dialogue=dialogue or None,
                turn=_turn(table, line, turn),
                split=split or None,
                features={
                    modality: path for modality, path in zip(modalities, paths, strict=True) if path
                }
                or _NO_FEATURES,
            )
        )
    return tuple(utterances)


def _turn(table: Table, line: int, cell: str) -> int | None:
    if not cell:
        return None
    # As with labels: data frames write integers as 3.0 where other cells are empty.
    match = re.fullmatch(r"([0-9]{1,10})(\.0*)?", cell, re.ASCII)
    if match is None or int(match[1]) > MAX_TURN:
        raise InputError(
            f"{table.at(line)}: turn {quote(cell)} is not an integer from 0 to {MAX_TURN}; "
            "it counts the turns of a dialogue"
        )
    return int(match[1])
