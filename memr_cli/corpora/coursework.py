"""The layout `coursework`: `dataset.csv` beside `features/` or `features.zip`.

Where both lie there, the folder is read and the zip is left alone: a path is looked up in one
place only, so that nobody's result depends on a file they had forgotten.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from memr_cli.corpora.choices import ALIASES, MODALITIES
from memr_cli.corpora.classes import fault_in, read_labels
from memr_cli.corpora.corpus import Corpus, Utterance
from memr_cli.corpora.sources import ARCHIVE, FOLDER, open_source
from memr_cli.corpora.table import Row, Table, name_problem, read_table
from memr_cli.errors import InputError

LAYOUT = "coursework"
LISTING = "dataset.csv"
CLASSES = "classes.txt"
SYNTHETIC_MARK = "SYNTHETIC.txt"
"""A file of this name says that the corpus is made up."""

ID, SPEAKER, LABEL = "file_name_list", "speakers", "emotion_labels"
FEATURE_COLUMNS = {modality: f"{modality}_features" for modality in MODALITIES}
REQUIRED = (ID, SPEAKER, *FEATURE_COLUMNS.values(), LABEL)
RENAMED = {f"{alias}_features": FEATURE_COLUMNS[name] for alias, name in ALIASES.items()}
OPTIONAL = ("session", "dialogue", "turn", "split")

MAX_TURN = 2**31 - 1

# Ses01F_impro01_F001, Ses04M_script02_2b_M013: session 1, improvised or scripted dialogue, turn.
_IEMOCAP_ID = re.compile(
    r"(?P<dialogue>Ses(?P<session>[0-9]{1,4})[FM]_(?:impro|script)[0-9][0-9a-z_]*)_[FM][0-9X]+",
    re.ASCII,
)


def read_corpus(raw: Path, class_names: Sequence[str] | None) -> Corpus:
    """The corpus in the folder `raw`; `class_names` go before a file `classes.txt` there.

    Features are not read yet, but the zip they may lie in is opened: close `source`. Raises
    InputError, naming the line where there is one, for everything that is not as the layout has
    it; OSError where the system refuses.
    """
    listing = _listing(raw)
    content = listing.read_bytes()
    table = read_table(listing, content, REQUIRED, OPTIONAL, RENAMED)
    if class_names is None:
        class_names, names_content = _class_file(raw / CLASSES)
        content += names_content
    labels = read_labels(table, LABEL, class_names)
    _check_unique(table)
    from_ids = {column: not table.fills(column) for column in ("session", "dialogue")}
    utterances = tuple(
        _utterance(table, row, label, from_ids)
        for row, label in zip(table.rows, labels.values, strict=True)
    )
    notes = []
    if (raw / FOLDER).is_dir() and (raw / ARCHIVE).exists():
        notes.append(f"{raw} holds both {FOLDER}/ and {ARCHIVE}; the folder is read, not the zip")
    return Corpus(
        layout=LAYOUT,
        utterances=utterances,
        class_names=labels.class_names,
        synthetic=(raw / SYNTHETIC_MARK).exists(),
        source=open_source(raw),
        listing=content,
        notes=tuple(notes),
    )


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


def _class_file(path: Path) -> tuple[tuple[str, ...] | None, bytes]:
    """The names in `classes.txt`, one a line, and its bytes; (None, b"") where there is none."""
    try:
        content = path.read_bytes()
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
    first: dict[str, int] = {}
    for row in table.rows:
        identity = row.get(ID)
        if identity is None:
            raise InputError(f"{table.at(row.line)}: the column {ID} is empty; it names utterances")
        if identity in first:
            raise InputError(
                f"{table.at(row.line)}: utterance {identity!r} is on line {first[identity]} "
                "already; each is listed once"
            )
        first[identity] = row.line


def _utterance(
    table: Table, row: Row, label: int | None, from_ids: Mapping[str, bool]
) -> Utterance:
    """One row of the table; `from_ids` says which columns the IEMOCAP id stands in for."""
    for column in (ID, SPEAKER, "session", "dialogue", "split"):
        problem = name_problem(row.get(column) or "")
        if problem:
            raise InputError(
                f"{table.at(row.line)}: the column {column} {problem}: {row.get(column)!r:.80}"
            )
    identity, speaker = row.values[ID], row.get(SPEAKER)
    if speaker is None:
        raise InputError(
            f"{table.at(row.line)}: the column {SPEAKER} is empty; "
            "without a speaker an utterance cannot be kept out of training"
        )
    session, dialogue = row.get("session"), row.get("dialogue")
    parts = _IEMOCAP_ID.fullmatch(identity)
    if parts and from_ids["session"]:
        session = str(int(parts["session"]))
    if parts and from_ids["dialogue"]:
        dialogue = parts["dialogue"]
    paths = {modality: row.get(column) for modality, column in FEATURE_COLUMNS.items()}
    return Utterance(
        id=identity,
        speaker=speaker,
        label=label,
        session=session,
        dialogue=dialogue,
        turn=_turn(table, row),
        split=row.get("split"),
        features={modality: path for modality, path in paths.items() if path is not None},
    )


def _turn(table: Table, row: Row) -> int | None:
    cell = row.get("turn")
    if cell is None:
        return None
    # As with labels: data frames write integers as 3.0 where other cells are empty.
    match = re.fullmatch(r"([0-9]{1,10})(\.0*)?", cell, re.ASCII)
    if match is None or int(match[1]) > MAX_TURN:
        raise InputError(
            f"{table.at(row.line)}: turn {cell!r} is not an integer from 0 to {MAX_TURN}; "
            "it counts the turns of a dialogue"
        )
    return int(match[1])
