"""The csv file that lists a corpus, as columns whose cells know their line, for error messages.

Only the requested columns are kept, and lines are decoded one after the other, so memory is
proportional to the size of the file, whatever it contains.

Shapes: N rows.
"""

import csv
import io
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memr_cli.errors import InputError
from memr_cli.files.visible import enumerate_names, visible

MAX_NAME_BYTES = 1024
"""The longest id or name in UTF-8: the limit of a store."""

MAX_COLUMNS = 2**20

# Characters without width, besides those that `visible` replaces: two names that differ in one of
# them alone look the same. These are Unicode's Default_Ignorable_Code_Point without those that
# words and emoji need: the joiners of Persian and Hindi, and the variation selectors of Mongolian,
# of emoji and of Japanese names.
_UNSEEN = re.compile(
    "[\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u206f\u3164\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
)


@dataclass(frozen=True)
class Listing:
    """Known columns of a csv file with at least one row.

    lines: (N,) the line that each row begins on, from 1. cells: N stripped values of each known
    column that the file has.
    """

    path: Path
    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]

    def at(self, line: int) -> str:
        """Return the position of a line, for the beginning of a message."""
        return f"{self.path}, line {line}"

    def column(self, name: str) -> Sequence[str]:
        """Return the values of a known column (N,), empty where the file has no such column."""
        return self.cells.get(name) or ("",) * len(self.lines)


def read_listing(
    path: Path,
    content: bytes,
    required: Sequence[str],
    optional: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
    suffix: str | None = None,
) -> Listing:
    """Parse the content of the csv file at `path`: UTF-8, separated by commas.

    Kept are the required and the optional columns, and those whose names end with `suffix`.
    `renamed` maps other names of columns to those. Spaces around names and values are dropped,
    spaces within names become `_`. Blank lines are skipped. Raises InputError, with the line, where
    the content is not UTF-8 (a byte order mark is accepted) or not csv, lacks a required column,
    names a kept one twice, has no rows, or has a row of more or fewer fields than the header.
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
    positions = {name: columns.index(name) for name in (*required, *optional) if name in columns}
    cells: dict[str, list[str]] = {name: [] for name in positions}
    filled = [(position, cells[name].append) for name, position in positions.items()]
    lines = array("q")
    for line, fields in records:
        if len(fields) != len(columns):
            raise InputError(
                f"{path}, line {line} has {len(fields)} fields; "
                f"the header names {len(columns)} columns: {enumerate_names(columns)}"
            )
        lines.append(line)
        for position, append in filled:
            append(fields[position].strip())
    if not lines:
        raise InputError(f"{path} has a header but no rows; each row is one utterance")
    return Listing(path, lines, cells)


def name_problem(name: str) -> str | None:
    """Return why a text cannot be an id or a name in a store, as a clause, or None."""
    if name.isascii() and name.isprintable():
        n_bytes = len(name)
    elif visible(name) != name or _UNSEEN.search(name):
        return "has a control character, or another that cannot be seen"
    else:
        n_bytes = len(name.encode())
    return f"is longer than {MAX_NAME_BYTES} bytes" if n_bytes > MAX_NAME_BYTES else None


def _records(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line it begins on."""
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
    """Return where the content is not UTF-8, which the decoder of a stream does not know."""
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
