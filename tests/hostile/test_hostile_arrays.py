"""Feature files from anybody."""

import io
import struct
from typing import Any

import numpy as np
from hostile_raw import FILES, GOOD, corpus, ingested, mutations
from hypothesis import given
from hypothesis import strategies as st
from raw_folders import npy
from sandbox import hostile

DTYPES = st.sampled_from(
    (
        "'<f4'", "'>f8'", "'<f2'", "'|O'", "'<f16'", "'<c8'", "'|b1'", "'<i8'", "'<U9'", "'|V16'",
        "'|S0'", "'<U1000000000'", "'<M8[ns]'", "'<M8[999999999999Y]'", "'f4,f4'", "'(2,3)f4'",
        "[('x', '<f4')]", "[('x', '|O')]", "[('\\x1b[2J', '<f4')]", "('<f4', (2, 2))", "[]", "{}",
        "('<f4', (10**9, 10**9))", "None", "3", "b'<f4'", "'numpy.float32'", "'O8'", "['<f4']",
        "{'names': ['x'], 'formats': ['O']}", "[" * 90 + "]" * 90, "'" + "f4," * 2500 + "f4'",
        "[" + "('a','<f4')," * 700 + "]", "__import__('os').system('touch sprung')",
    )
)  # fmt: skip
SHAPES = st.sampled_from(
    (
        "(3, 4)", "(12,)", "()", "(0, 4)", "(-3, -4)", "(True, 12)", "(3.0, 4)", "(3, None)", "3",
        "(2**62, 4)", "(9223372036854775807, 2)", "(1000000, 1000000)", "(10**400, 1)", "[3, 4]",
        "(0x" + "f" * 5000 + ", 4)", "(-0x" + "f" * 5000 + ",)", "(" + "1," * 2000 + ")",
        "(9" + "9" * 4400 + ",)", "(3, 4L)", "(1, 0)", "'34'", "(3, 4, 1)", "(1j, 2)", "(3,4)" * 50,
    )
)  # fmt: skip
ORDERS = st.sampled_from(("False", "True", "0", "1", "None", "'C'", "[]"))
NUMBERS = st.sampled_from(
    (0.0, -0.0, 1e-45, 5e-324, 1e39, -1.7e308, 65504.0, float("nan"), float("inf"), float("-inf"))
)


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    """A file whose header claims something, with a version and a length that may lie too."""
    text = draw(
        st.builds(
            "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}{}".format,
            st.just("'<f4'") | DTYPES,
            st.just("False") | ORDERS,
            st.just("(3, 4)") | SHAPES,
            st.sampled_from(("\n", "", " " * 64 + "\n", "\0", "# \n", "\\\n", "}", "\n\n1")),
        )
        | st.sampled_from(
            ("(" * 9000, "-" * 9000 + "1", "[" * 5000, "{1:" * 3000, "'" * 9001, "\\")
        )
        | st.text(max_size=60)
    ).encode("utf-8", "replace")
    version = draw(st.just(1) | st.integers(0, 255))
    form = "<H" if version == 1 else "<I"
    most = 2 ** (8 * struct.calcsize(form)) - 1
    length = draw(st.just(len(text)) | st.integers(0, len(text) + 9) | st.integers(0, most))
    start = b"\x93NUMPY" + bytes((version, draw(st.just(0) | st.integers(0, 255))))
    body = draw(st.just(bytes(48)) | st.binary(max_size=200))
    return start + struct.pack(form, min(length, most)) + text + body


@st.composite
def arrays(draw: st.DrawFn) -> bytes:
    """An array of floats, some of them odd, in any type, order and with any number of axes."""
    shape = draw(st.lists(st.integers(0, 4), max_size=3).map(tuple) | st.just((2, 4)))
    order: Any = draw(st.sampled_from("CF"))
    array = np.zeros(shape, draw(st.sampled_from(("<f2", "<f4", ">f4", "<f8", ">f8"))), order)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(draw(st.integers(0, 4)) if array.size else 0):
            array.flat[draw(st.integers(0, array.size - 1))] = draw(NUMBERS)
    return npy(array) + draw(st.just(b"") | st.binary(max_size=8) | st.just(GOOD))


def other_files() -> bytes:
    """Parts of what feature files are mistaken for."""
    archive = io.BytesIO()
    np.savez(archive, np.ones(3))
    return (
        archive.getvalue()
        + npy(np.array([{}, 1], object), allow_pickle=True)
        + b"\x89HDF\r\n\x1a\n"
    )


HOSTILE = st.one_of(headers(), arrays(), mutations(GOOD, other_files()), st.binary(max_size=300))


@hostile
@given(
    st.dictionaries(st.sampled_from(sorted(FILES)), HOSTILE, min_size=1, max_size=16),
    st.sampled_from(((), ("--pooling", "max"), ("--sequences",), ("--on-problem", "fail"))),
    st.booleans(),
)
def test_any_feature_files_are_used_or_listed(
    files: dict[str, bytes], options: tuple[str, ...], standing: bool
) -> None:
    with corpus({**FILES, **files}) as place:
        ended = ingested(place, *options, standing=standing)
        assert ended.code in (0, 3, 4)
        if ended.code == 0:
            listed = {problem["path"].lstrip("/") for problem in ended.lines[0]["problems"]}
            # A file that is not touched is at worst outvoted by others of other dims.
            assert listed <= set(files) or len(files) > 4
