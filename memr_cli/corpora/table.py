"""A csv file as rows that know their line, for errors that say where to look."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from memr_cli.errors import InputError

MAX_NAME_BYTES = 1024
"""How long an id or a name may be, in UTF-8: what a store takes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Row:
    """One record: its values by column name, stripped, and the line it begins on (from 1)."""

    line: int
    values: Mapping[str, str]

    def get(self, column: str) -> str | None:
        """The value of a column, None where it is empty or there is no such column."""
        return self.values.get(column) or None


@dataclass(frozen=True)
class Table:
    """Rows of a csv file, at least one, under its column names."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def at(self, line: int) -> str:
        """Where a line is, for the beginning of a message."""
        return f"{self.path}, line {line}"

    def fills(self, column: str) -> bool:
        """Whether any row has a value in a column."""
        return any(row.get(column) for row in self.rows)


def read_table(
    path: Path,
    content: bytes,
    required: Sequence[str],
    optional: Sequence[str] = (),
    renamed: Mapping[str, str] | None = None,
) -> Table:
    """The rows of comma-separated UTF-8 `content`, which was read from `path`.

    Column names and values lose surrounding spaces, names also turn spaces within into `_`;
    `renamed` gives columns that may go by another name the one they are known by.
    Blank lines are passed over. Raises InputError, naming the line, where the content is not
    UTF-8 (a byte order mark is accepted) or not csv, lacks a required column, names a required or
    optional one twice, has no rows, or has a row of more or fewer fields than the header.
    """
    records = _records(path, _decode(path, content))
    if not records:
        raise InputError(
            f"{path} is empty. Its first line names the columns: {', '.join(required)}"
        )
    head_line, head = records[0]
    names = ("_".join(name.split()) for name in head)
    columns = tuple((renamed or {}).get(name, name) for name in names)
    _check_columns(f"{path}, line {head_line}", columns, required, optional)
    rows = []
    for line, fields in records[1:]:
        if len(fields) != len(columns):
            raise InputError(
                f"{path}, line {line} has {len(fields)} fields; "
                f"the header names {len(columns)} columns: {', '.join(columns)}"
            )
        values = (value.strip() for value in fields)
        rows.append(Row(line, dict(zip(columns, values, strict=True))))
    if not rows:
        raise InputError(f"{path} has a header but no rows; each row is one utterance")
    return Table(path, columns, tuple(rows))


def name_problem(name: str) -> str | None:
    """Why a text cannot be an id or a name in a store, as a clause, or None."""
    if _CONTROL.search(name):
        return "has a control character"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return None


def _decode(path: Path, content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path}, line {line} is not UTF-8: byte {error.start} of the file (from 0) is "
            f"0x{content[error.start]:02x}. Save the file as UTF-8"
        ) from error
    return text.removeprefix("\ufeff")


def _records(path: Path, text: str) -> list[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    records = []
    line = 1
    try:
        for fields in reader:
            if fields:
                records.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {line} is not csv: {error}") from error
    return records


def _check_columns(
    where: str, columns: Sequence[str], required: Sequence[str], optional: Sequence[str]
) -> None:
    missing = [name for name in required if name not in columns]
    if missing:
        what = "no column" if len(missing) == 1 else "no columns"
        message = (
            f"{where} names {what} {', '.join(missing)}; it names {', '.join(map(repr, columns))}"
        )
        if len(columns) == 1 and re.search(r"[;\t|]", columns[0]):
            message += ". Separate the fields by commas"
        raise InputError(message)
    twice = [name for name in (*required, *optional) if columns.count(name) > 1]
    if twice:
        raise InputError(f"{where} names the column {twice[0]} more than once")
