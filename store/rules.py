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
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def violation(rule: Rule, where: str, found: str, expected: str) -> Violation:
    """A violation whose texts are printable: what is not UTF-8 in the file is escaped."""
    where, found = (
        text.encode("utf-8", "backslashreplace").decode("utf-8") for text in (where, found)
    )
    return Violation(rule, where, found, expected)


def column_violations(texts: Texts, numbers: Numbers) -> Iterator[Violation]:
    """Find all violations in columns, given by path ("utterances/label": (N,) int32, ...)."""
    class_names = texts.get("names/class")
    if class_names is not None:
        yield from _unique(Rule.CLASS_NAME_UNIQUE, "names/class", class_names)
    ids = texts.get("utterances/id")
    if ids is not None:
        yield from _unique(Rule.UTTERANCE_ID_UNIQUE, "utterances/id", ids)
        if not ids:
            yield Violation(
                Rule.UTTERANCE_COUNT, "utterances", "no utterance", "at least one utterance"
            )
    for name in NAME_LISTS:
        yield from _names(name, texts.get(f"names/{name}"), numbers.get(f"utterances/{name}"))
    yield from _codes("label", numbers.get("utterances/label"), class_names)
    yield from _turns(numbers.get("utterances/turn"))
    yield from _source_rows(numbers.get("utterances/source_row"))
    yield from _order(numbers)
    yield from _index(texts, numbers)


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
    return [violation(Rule.TEXT_VALID, path, found, TEXT_EXPECTED)]


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


def _rows(rule: Rule, path: str, bad: NDArray[np.bool_], expected: str) -> list[Violation]:
    rows = np.flatnonzero(bad)
    return [Violation(rule, path, first_of(rows), expected)] if len(rows) else []


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


def _unique(rule: Rule, where: str, texts: Sequence[str]) -> Iterator[Violation]:
    twice = [text for text, count in Counter(texts).items() if count > 1]
    if twice:
        found = f"{twice[0]!r} more than once"
        if len(twice) > 1:
            found += f", as are {len(twice) - 1} others"
        yield Violation(rule, where, found, "each once")


def _names(
    name: str, names: Sequence[str] | None, codes: NDArray[Any] | None
) -> Iterator[Violation]:
    where = f"names/{name}"
    for before, after in zip(names or (), (names or ())[1:], strict=False):
        if before >= after:
            found = f"{after!r} after {before!r}"
            yield Violation(Rule.NAME_SORTED, where, found, "names ascending, each once")
            break
    yield from _codes(name, codes, names)
    if names is not None and codes is not None:
        unused = np.setdiff1d(np.arange(len(names)), codes)
        if len(unused):
            found = f"{names[unused[0]]!r} of no utterance ({first_of(unused, 'code')})"
            yield Violation(Rule.NAME_USED, where, found, "every name used")


def _codes(
    name: str, codes: NDArray[Any] | None, names: Sequence[str] | None
) -> Iterator[Violation]:
    if codes is None or names is None:
        return
    lowest = 0 if name == "speaker" else NONE
    bad = np.flatnonzero((codes < lowest) | (codes >= len(names)))
    if len(bad):
        found = f"{codes[bad[0]]} ({first_of(bad)})"
        yield Violation(
            Rule.UTTERANCE_CODE_RANGE,
            f"utterances/{name}",
            found,
            f"codes {lowest} to {len(names) - 1}",
        )


def _turns(turn: NDArray[Any] | None) -> Iterator[Violation]:
    if turn is None:
        return
    bad = np.flatnonzero(turn < NONE)
    if len(bad):
        found = f"{turn[bad[0]]} ({first_of(bad)})"
        yield Violation(Rule.UTTERANCE_TURN_RANGE, "utterances/turn", found, "-1 or more")


def _source_rows(source_row: NDArray[Any] | None) -> Iterator[Violation]:
    if source_row is None:
        return
    n = len(source_row)
    bad = np.flatnonzero(np.sort(source_row) != np.arange(n))
    if len(bad):
        found = f"{len(np.unique(source_row))} values from {source_row.min()} to {source_row.max()}"
        yield Violation(
            Rule.UTTERANCE_SOURCE_ROW,
            "utterances/source_row",
            found,
            f"each of 0 to {n - 1} once",
        )


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


def _index(texts: Texts, numbers: Numbers) -> Iterator[Violation]:
    speakers, speaker = texts.get("names/speaker"), numbers.get("utterances/speaker")
    if speakers is not None and speaker is not None and "index/speaker" in numbers:
        right = speaker_index(speaker, len(speakers))
        yield from _same_index(Rule.INDEX_SPEAKER, "index/speaker", numbers, right)
    label = numbers.get("utterances/label")
    if label is not None and "index/label" in numbers:
        yield from _same_index(Rule.INDEX_LABEL, "index/label", numbers, label_index(label))


def _same_index(
    rule: Rule, where: str, numbers: Numbers, right: NDArray[np.int64]
) -> Iterator[Violation]:
    index = numbers[where]
    if len(index) != len(right):
        yield Violation(rule, where, f"{len(index)} ranges", f"{len(right)}, as the rows say")
        return
    bad = np.flatnonzero((index != right).any(axis=1))
    if len(bad):
        found = f"{index[bad[0]].tolist()} ({first_of(bad, 'range')})"
        yield Violation(rule, where, found, f"{right[bad[0]].tolist()}, as the rows say")
