"""dataset.csv and classes.txt from anybody."""

import csv
import io
from typing import Any

from hostile_raw import LISTING, ROWS, corpus, ingested, mutations
from hypothesis import given
from hypothesis import strategies as st
from raw_folders import COLUMNS
from sandbox import hostile

OPTIONAL = ("session", "dialogue", "turn", "split")
ODD_TEXTS = st.sampled_from(
    (
        "", " ", "=1+1", "@SUM(A1)", "-2+3", '"', "a,b", "\0", "\x1b[2J", "\r", "\u202eF01",
        "\u2028", "\udc80",
        "\u200b", "\x85", "\ufeff", "é" * 600, "x" * 1025, "x" * 140_000, "9" * 5000, "1e400",
        "-1", "3.0", "3." + "0" * 5000, "nan", "NULL", "1_000", "٣", "2147483648", "\U0001f600",
        "/features/a0.npy", "../outside/secret.npy", "/dev/zero",
        "/features/" + "./" * 3000 + "a0.npy",
        "features\\a0.npy", "file:///etc/passwd", "~/a.npy", "$(touch sprung)", "`touch sprung`",
    )
)  # fmt: skip
CELLS = st.one_of(ODD_TEXTS, st.text(max_size=8), st.integers().map(str))
NAMES = st.sampled_from(
    (*COLUMNS, *OPTIONAL, "audio_features", " speakers ", "SPEAKERS", "", "a b")
)
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7")


@st.composite
def listings(draw: st.DrawFn) -> bytes:
    """A listing with some odd columns, rows, cells, line ends and encoding."""
    columns = [*COLUMNS, *draw(st.lists(NAMES, max_size=4))]
    for _ in range(draw(st.integers(0, 1))):
        columns = draw(st.permutations(columns))[: draw(st.integers(0, len(columns)))]
    rows = [[dict(one).get(name, "") for name in columns] for one in ROWS]
    rows = [rows[i] for i in draw(st.lists(st.integers(0, len(rows) - 1), max_size=8, unique=True))]
    for _ in range(draw(st.integers(0, 5))):
        if rows and columns:
            cells = draw(st.sampled_from(rows))
            if cells:
                cells[draw(st.integers(0, len(cells) - 1))] = draw(CELLS)
    if draw(st.integers(0, 5)) == 0:
        rows.append([draw(CELLS)])
    text = io.StringIO(newline="")
    ends = draw(st.sampled_from(("\n", "\r\n", "\r", "\n\n")))
    quoting: Any = draw(st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    writer = csv.writer(text, lineterminator=ends, quoting=quoting, escapechar="\\")
    writer.writerows([columns, *rows])
    encoding = draw(st.just("utf-8") | st.sampled_from(ENCODINGS))
    return text.getvalue().encode(encoding, "replace")


CLASS_FILES = st.one_of(
    st.none(),
    st.lists(CELLS, max_size=8).map(lambda names: "\n".join(names).encode("utf-8", "replace")),
    mutations(b"anger\nsadness\nhappiness\nneutral\n", b"\xef\xbb\xbf\x00\xe2\x80\xae"),
)
WORDS = CELLS.map(lambda text: text[:2000].replace("\0", ""))
OPTIONS = st.one_of(
    st.sampled_from(((), ("--on-problem", "fail"), ("--overwrite",), ("--sequences", "--json"))),
    st.builds(lambda words: (f"--classes={words}",), WORDS | st.just("a,b")),
    st.builds(lambda words: (f"--max-file-size={words or '2G'}",), WORDS | st.just("1K")),
)


@hostile
@given(
    st.one_of(st.just(LISTING), listings(), mutations(LISTING, LISTING)),
    CLASS_FILES,
    OPTIONS,
    st.booleans(),
)
def test_any_listing_class_names_and_options_are_taken_or_refused(
    content: bytes, classes: bytes | None, options: tuple[str, ...], standing: bool
) -> None:
    with corpus() as place:
        (place / "raw" / "dataset.csv").write_bytes(content)
        if classes is not None:
            (place / "raw" / "classes.txt").write_bytes(classes)
        ended = ingested(place, *options, standing=standing)
        assert ended.code in (0, 2, 3, 4)
