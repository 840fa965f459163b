"""A csv file as columns whose cells know their line, for errors that say where to look.

Only the columns that are asked for are kept, and lines are decoded one after the other: what a
file takes in memory is in proportion to its size, whatever it consists of. N rows.
"""

import csv
import io
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memr_cli.corpora.quoting import enumerate_names
from memr_cli.errors import InputError
from memr_cli.files.visible import visible

MAX_NAME_BYTES = 1024
"""How long an id or a name may be, in UTF-8: what a store takes."""

MAX_COLUMNS = 2**20

# What takes no room on paper, beside that which is not `visible` anywhere: two names that differ
# in such a character alone look the same. Those of Unicode's Default_Ignorable_Code_Point, but for
# what words and emoji are really written with: the joiners of Persian and Hindi, and what selects
# the form of a letter in Mongolian, of an emoji, and of a Japanese name.
_UNSEEN = re.compile(
    "[\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u206f\u3164\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)


@dataclass(frozen=True)
class Table:
    """Known columns of a csv file with at least one row.

    `lines` (N,) are those that the rows begin on (from 1); `cells` has N values, stripped, of each
    known column that the file has.
    """

    path: Path
    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]

    def at(self, line: int) -> str:
        """Where a line is, for the beginning of a message."""
        return f"{self.path}, line {line}"

    def column(self, name: str) -> Sequence[str]:
        """The values of a known column (N,), empty where the file has no such column."""
        return self.cells.get(name) or ("",) * len(self.lines)

    def fills(self, name: str) -> bool:
        """Whether any row has a value in a column."""
        return any(self.cells.get(name, ()))


def read_table(
    path: Path,
    content: bytes,
    required: Sequence[str],
    optional: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
    suffix: str | None = None,
) -> Table:
    """Read columns of comma-separated UTF-8 `content`, read from `path`.

    These are the required and the optional ones, and those whose names end with `suffix`.

    Column names and values lose surrounding spaces, names also turn spaces within into `_`;
    `renamed` gives columns that may go by another name the one they are known by.
    Blank lines are passed over. Raises InputError, naming the line, where the content is not
    UTF-8 (a byte order mark is accepted) or not csv, lacks a required column, names a required or
    optional one twice, has no rows, or has a row of more or fewer fields than the header.
    """
    records = _records(path, content)
    head_line, head = next(records, (0, []))
    if not head:
        raise InputError(
            f"{path} is empty. Its first line names the columns: {', '.join(required)}"
        )
    where = f"{path}, line {head_line}"
    if len(head) > MAX_COLUMNS:
        raise InputError(f"{where} names {len(head)} columns; at most {MAX_COLUMNS} can be read")
    names = ("_".join(name.split()) for name in head)
    columns = [(renamed or {}).get(name, name) for name in names]
    if suffix is not None:
        known = {*required, *optional}
        more = (name for name in columns if name.endswith(suffix) and name not in known)
        optional = (*optional, *dict.fromkeys(more))
    _check_columns(where, columns, required, optional)
    places = {name: columns.index(name) for name in (*required, *optional) if name in columns}
    cells: dict[str, list[str]] = {name: [] for name in places}
    filled = [(place, cells[name].append) for name, place in places.items()]
    lines = array("q")
    for line, fields in records:
        if len(fields) != len(columns):
            raise InputError(
                f"{path}, line {line} has {len(fields)} fields; "
                f"the header names {len(columns)} columns: {enumerate_names(columns)}"
            )
        lines.append(line)
        for place, append in filled:
            append(fields[place].strip())
    if not lines:
        raise InputError(f"{path} has a header but no rows; each row is one utterance")
    return Table(path, lines, cells)


def name_problem(name: str) -> str | None:
    """Why a text cannot be an id or a name in a store, as a clause, or None."""
    if name.isascii() and name.isprintable():
        n_bytes = len(name)
    elif visible(name) != name or _UNSEEN.search(name):
        return "has a control character, or another that cannot be seen"
    else:
        n_bytes = len(name.encode())
    return f"is longer than {MAX_NAME_BYTES} bytes" if n_bytes > MAX_NAME_BYTES else None


def _records(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it begins on."""
    text = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, skipinitialspace=True, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {line} is not csv: {error}") from error
    except UnicodeDecodeError as error:
        raise InputError(_not_utf8(path, content)) from error


def _not_utf8(path: Path, content: bytes) -> str:
    """Where it is not; what decodes a part at a time does not know."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return (
            f"{path}, line {line} is not UTF-8: byte {error.start} of the file (from 0) is "
            f"0x{content[error.start]:02x}. Save the file as UTF-8"
        )
    return f"{path} is not UTF-8. Save the file as UTF-8"


def _check_columns(
    where: str, columns: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    missing = [name for name in required if name not in columns]
    if missing:
        what = "no column" if len(missing) == 1 else "no columns"
        found = enumerate_names(columns, quoted=True)
        message = f"{where} names {what} {', '.join(missing)}; it names {found}"
        if len(columns) == 1 and re.search(r"[;\t|]", columns[0]):
            message += ". Separate the fields by commas"
        raise InputError(message)
    twice = [name for name in (*required, *optional) if columns.count(name) > 1]
    if twice:
        raise InputError(f"{where} names the column {twice[0]} more than once")
