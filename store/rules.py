"""The rules on columns, names and index. N utterances, R ranges.

Pure functions of what was read; the writer, the reader and the check use them. Datasets that could
not be read are absent from the mappings, and the rules that need them are passed over.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.index import label_index, speaker_index
from store.schema import MAX_TEXT_BYTES, NAME_LISTS, NONE
from store.violations import Rule, Violation

Texts = Mapping[str, Sequence[str]]
Numbers = Mapping[str, NDArray[Any]]

TEXT_EXPECTED = f"UTF-8 of 1 to {MAX_TEXT_BYTES} bytes without NUL"


def column_violations(
    class_names: Sequence[str] | None, texts: Texts, numbers: Numbers
) -> Iterator[Violation]:
    """All breaches among the columns, by dataset path ("utterances/label": (N,) int32, ...)."""
    if class_names is not None:
        yield from _unique(Rule.CLASS_NAME_UNIQUE, "attribute class_names", class_names)
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


def text_problem(text: bytes) -> str | None:
    """What is wrong with an utterance id or name as stored, or None."""
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


def first_text_problem(texts: Sequence[bytes]) -> str | None:
    """What is wrong with the first wrong one of these, or None."""
    joined = b"\n".join(texts)  # looked at in one go: mostly there is nothing to find
    plain = all(texts) and max(map(len, texts), default=0) <= MAX_TEXT_BYTES
    if plain and b"\0" not in joined:
        with contextlib.suppress(UnicodeDecodeError):
            joined.decode("utf-8")
            return None
    return next(filter(None, map(text_problem, texts)), None)


def is_scalar(value: object) -> bool:
    """Whether a value may stand in the provenance, and from there in JSON."""
    if isinstance(value, str):
        return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and -(2**63) <= value < 2**63


def first_of(rows: NDArray[np.int64], what: str = "row") -> str:
    """How many rows, and the first of them, in words."""
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
