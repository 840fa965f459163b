"""The rules of FORMAT.md by id, and those on columns, names and index as pure functions.

The writer, the reader and the check use them. Datasets that could not be read are absent from the
mappings, and the rules that need them are skipped. N utterances, S speakers, R ranges.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.errors import brief, raise_system_error
from store.schema import MAX_TEXT_BYTES, NAME_LISTS, NONE

Texts = Mapping[str, Sequence[str]]
Numbers = Mapping[str, NDArray[Any]]

TEXT_EXPECTED = f"UTF-8 of 1 to {MAX_TEXT_BYTES} bytes without NUL"


class Rule(StrEnum):
    """The ids of the rules in FORMAT.md."""

    READABLE = "readable"
    MEMBER_MISSING = "member-missing"
    MEMBER_UNKNOWN = "member-unknown"
    LINK_HARD = "link-hard"
    DATASET_PLAIN = "dataset-plain"
    DATASET_STORED = "dataset-stored"
    DATASET_TYPE = "dataset-type"
    DATASET_SHAPE = "dataset-shape"
    ATTRIBUTE_PLAIN = "attribute-plain"
    ROOT_ATTRIBUTE = "root-attribute"
    PROVENANCE_VALUE = "provenance-value"
    CLASS_NAME_UNIQUE = "class-name-unique"
    TEXT_VALID = "text-valid"
    NAME_SORTED = "name-sorted"
    NAME_USED = "name-used"
    UTTERANCE_COUNT = "utterance-count"
    UTTERANCE_ID_UNIQUE = "utterance-id-unique"
    UTTERANCE_CODE_RANGE = "utterance-code-range"
    UTTERANCE_TURN_RANGE = "utterance-turn-range"
    UTTERANCE_SOURCE_ROW = "utterance-source-row"
    UTTERANCE_ORDER = "utterance-order"
    INDEX_SPEAKER = "index-speaker"
    INDEX_LABEL = "index-label"
    MODALITY_COUNT = "modality-count"
    MODALITY_NAME = "modality-name"
    MODALITY_PRESENT = "modality-present"
    PRESENT_BOOLEAN = "present-boolean"
    FRAMES_PRESENT = "frames-present"
    POOLED_FINITE = "pooled-finite"
    POOLED_MISSING = "pooled-missing"
    SEQUENCE_OFFSETS = "sequence-offsets"
    SEQUENCE_FINITE = "sequence-finite"
    CHECKSUM = "checksum"
    FINGERPRINT = "fingerprint"
    PROVENANCE_CHECKSUM = "provenance-checksum"


@dataclass(frozen=True)
class Violation:
    """One rule broken in one place of a store."""

    rule: str
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected} (rule {self.rule})"


class Violations(list[Violation]):
    """Violations found so far."""

    def report(self, rule: Rule, where: str, found: str, expected: str) -> None:
        """Add a violation; what is not UTF-8 in the file is escaped, to be printable."""
        where, found = (
            text.encode("utf-8", "backslashreplace").decode("utf-8") for text in (where, found)
        )
        self.append(Violation(rule, where, found, expected))

    def report_unreadable(self, where: str, error: Exception) -> None:
        """Add that HDF5 cannot read something. Raises OSError for an error of the system."""
        raise_system_error(error)
        self.report(Rule.READABLE, where, f"HDF5 says: {brief(error)}", "to be readable")


_UNIQUE = {
    "names/class": Rule.CLASS_NAME_UNIQUE,
    "utterances/id": Rule.UTTERANCE_ID_UNIQUE,
}


def column_violations(texts: Texts, numbers: Numbers) -> Iterator[Violation]:
    """Find all violations in columns, given by path ("utterances/label": (N,) int32, ...)."""
    for path, rule in _UNIQUE.items():
        twice = [text for text, count in Counter(texts.get(path, ())).items() if count > 1]
        if twice:
            others = f", as are {len(twice) - 1} others" if len(twice) > 1 else ""
            yield Violation(rule, path, f"{twice[0]!r} more than once{others}", "each once")
    if not texts.get("utterances/id", "unread"):
        expected = "at least one utterance"
        yield Violation(Rule.UTTERANCE_COUNT, "utterances", "no utterance", expected)
    for name in NAME_LISTS:
        yield from _names(name, texts.get(f"names/{name}"), numbers.get(f"utterances/{name}"))
    yield from _codes("label", numbers.get("utterances/label"), texts.get("names/class"))
    turn = numbers.get("utterances/turn")
    if turn is not None:
        rule, path = Rule.UTTERANCE_TURN_RANGE, "utterances/turn"
        yield from _rows(rule, path, turn < NONE, "-1 or more", turn)
    yield from _source_rows(numbers.get("utterances/source_row"))
    yield from _order(numbers)
    speakers, speaker = texts.get("names/speaker"), numbers.get("utterances/speaker")
    if speakers is not None and speaker is not None:
        right = speaker_index(speaker, len(speakers))
        yield from _index(Rule.INDEX_SPEAKER, "index/speaker", numbers, right)
    if "utterances/label" in numbers:
        right = label_index(numbers["utterances/label"])
        yield from _index(Rule.INDEX_LABEL, "index/label", numbers, right)


def speaker_index(speaker: NDArray[np.int32], n_speakers: int) -> NDArray[np.int64]:
    """(S, 2) int64: start and stop of the rows of each speaker. speaker: (N,) sorted codes."""
    edges = np.searchsorted(speaker, np.arange(n_speakers + 1))
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int64)


def label_index(label: NDArray[np.int32]) -> NDArray[np.int64]:
    """(R, 3) int64: label, start and stop of each longest run of one label.

    label: (N,) codes, -1 included. The ranges are sorted by label, then by start.
    """
    begins = np.ones(len(label), dtype=np.bool_)
    begins[1:] = label[1:] != label[:-1]
    starts = np.flatnonzero(begins)
    stops = np.append(starts, len(label))[1:]
    ranges = np.stack([label[starts], starts, stops], axis=1).astype(np.int64)
    return ranges[np.lexsort((starts, ranges[:, 0]))]


def text_problem(text: bytes) -> str | None:
    """Describe what is wrong with an utterance id or name as stored, or return None."""
    if not text:
        return "an empty text"
    if len(text) > MAX_TEXT_BYTES:
        return f"a text of {len(text)} bytes"
    if b"\0" in text:
        return f"a NUL inside {text[:40]!r}"
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return f"{text[:40]!r}, which is not UTF-8"
    return None


def text_violations(path: str, texts: Sequence[bytes]) -> list[Violation]:
    """The violation of a dataset of texts, as stored, if any of them breaks `text-valid`."""
    joined = b"\n".join(texts)  # tested at once, since mostly all are valid
    if all(texts) and max(map(len, texts), default=0) <= MAX_TEXT_BYTES and b"\0" not in joined:
        with contextlib.suppress(UnicodeDecodeError):
            joined.decode("utf-8")
            return []
    problems = list(map(text_problem, texts))
    bad = np.flatnonzero([problem is not None for problem in problems])
    found = f"{problems[bad[0]]} ({first_of(bad)})"
    return [Violation(Rule.TEXT_VALID, path, found, TEXT_EXPECTED)]


def present_violations(path: str, stored: NDArray[np.bool_]) -> list[Violation]:
    """Violations of the `present` (N,) of a modality, whose bytes may be anything."""
    values = stored.view(np.uint8)
    found = _rows(Rule.PRESENT_BOOLEAN, path, values > 1, "bytes 0 or 1")
    if not values.any():
        found.append(Violation(Rule.MODALITY_PRESENT, path, "no present row", "at least one"))
    return found


def frame_count_violations(
    path: str, counts: NDArray[np.int64], present: NDArray[np.bool_]
) -> list[Violation]:
    """Violations of the frame counts (N,) of a modality."""
    bad = np.where(present, counts < 1, counts != 0)
    return _rows(Rule.FRAMES_PRESENT, path, bad, "at least 1 where present, 0 where missing")


def offset_violations(
    path: str,
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64] | None,
    n_frames: int | None,
) -> list[Violation]:
    """Violations of the frame offsets (N+1,) of a modality, as far as the rest could be read."""
    steps = np.diff(offsets)
    bad = steps < 0 if counts is None else steps != counts
    found = _rows(Rule.SEQUENCE_OFFSETS, path, bad, "steps equal to the frame counts")
    ends = int(offsets[0]), int(offsets[-1])
    total = ends[1] if n_frames is None else n_frames
    if ends != (0, total):
        stated = f"from {ends[0]} to {ends[1]}"
        found.append(Violation(Rule.SEQUENCE_OFFSETS, path, stated, f"from 0 to {total}"))
    return found


def is_scalar(value: object) -> bool:
    """Tell whether a value may be an attribute of the provenance, and then part of JSON."""
    if isinstance(value, str):
        return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and -(2**63) <= value < 2**63


def first_of(rows: NDArray[np.int64], what: str = "row") -> str:
    """Describe row numbers: their count and the first of them."""
    if len(rows) == 1:
        return f"{what} {rows[0]}"
    return f"{len(rows)} {what}s, the first {rows[0]}"


def _rows(
    rule: Rule,
    path: str,
    bad: NDArray[np.bool_],
    expected: str,
    values: NDArray[Any] | None = None,
) -> list[Violation]:
    """The violation of the rows that are `bad` (N,), with the first of their `values`."""
    rows = np.flatnonzero(bad)
    if not len(rows):
        return []
    found = first_of(rows) if values is None else f"{values[rows[0]]} ({first_of(rows)})"
    return [Violation(rule, path, found, expected)]


def _names(
    name: str, names: Sequence[str] | None, codes: NDArray[Any] | None
) -> Iterator[Violation]:
    path = f"names/{name}"
    for before, after in pairwise(names or ()):
        if before >= after:
            found, expected = f"{after!r} after {before!r}", "names ascending, each once"
            yield Violation(Rule.NAME_SORTED, path, found, expected)
            break
    yield from _codes(name, codes, names)
    if names is not None and codes is not None:
        unused = np.setdiff1d(np.arange(len(names)), codes)
        if len(unused):
            found = f"{names[unused[0]]!r} of no utterance ({first_of(unused, 'code')})"
            yield Violation(Rule.NAME_USED, path, found, "every name used")


def _codes(name: str, codes: NDArray[Any] | None, names: Sequence[str] | None) -> list[Violation]:
    if codes is None or names is None:
        return []
    lowest = 0 if name == "speaker" else NONE
    bad, expected = (codes < lowest) | (codes >= len(names)), f"codes {lowest} to {len(names) - 1}"
    return _rows(Rule.UTTERANCE_CODE_RANGE, f"utterances/{name}", bad, expected, codes)


def _source_rows(source_row: NDArray[Any] | None) -> Iterator[Violation]:
    if source_row is None or np.array_equal(np.sort(source_row), np.arange(len(source_row))):
        return
    found = f"{len(np.unique(source_row))} values from {source_row.min()} to {source_row.max()}"
    expected = f"each of 0 to {len(source_row) - 1} once"
    yield Violation(Rule.UTTERANCE_SOURCE_ROW, "utterances/source_row", found, expected)


def _order(numbers: Numbers) -> Iterator[Violation]:
    """Rows ascend by speaker, within one by label, within that by source row."""
    falls: NDArray[np.bool_] | bool = False
    for name in ("source_row", "label", "speaker"):  # the last decides first
        column = numbers.get(f"utterances/{name}")
        if column is None:
            return
        before, after = column[:-1], column[1:]
        falls = (after < before) | ((after == before) & falls)
    bad = np.flatnonzero(falls) + 1
    if len(bad):
        found = f"{first_of(bad)}, sorts before the row above"
        expected = "rows sorted by speaker, then label, then source_row"
        yield Violation(Rule.UTTERANCE_ORDER, "utterances", found, expected)


def _index(
    rule: Rule, path: str, numbers: Numbers, right: NDArray[np.int64]
) -> Iterator[Violation]:
    index = numbers.get(path, right)
    if len(index) != len(right):
        yield Violation(rule, path, f"{len(index)} ranges", f"{len(right)}, as in the rows")
        return
    bad = np.flatnonzero((index != right).any(axis=1))
    if len(bad):
        found = f"{index[bad[0]].tolist()} ({first_of(bad, 'range')})"
        yield Violation(rule, path, found, f"{right[bad[0]].tolist()}, as in the rows")
