"""Raw corpora that once hung memr, made it fail, or took memory or words without measure."""

import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hostile_raw import FILES, GOOD, LISTING, corpus, ingested, problems
from raw_folders import COLUMNS, listing, npy, npy_claiming, row, write_raw
from test_hostile_zips import CENTRAL, LOCAL, zipped

from memr_cli.corpora import archives
from memr_cli.corpora.archives import ZipSource
from memr_cli.corpora.coursework import LAYOUT
from memr_cli.corpora.features import FeatureProblem
from memr_cli.corpora.folders import FolderSource
from memr_cli.corpora.limits import in_bytes, in_words
from memr_cli.corpora.listing import name_problem, read_listing
from memr_cli.corpora.npy import parse
from memr_cli.errors import InputError, UsageError
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

HEADER = ",".join(COLUMNS)

pytestmark = pytest.mark.usefixtures("closed_zips")


@contextmanager
def memory_below(megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak < megabytes


def patched(content: bytes, field: str, value: int, form: str = "<I") -> bytes:
    """A zip of one member with a field changed in both places where it stands."""
    found = bytearray(content)
    for mark, fields in ((b"PK\x03\x04", LOCAL), (b"PK\x01\x02", CENTRAL)):
        if field in fields:
            struct.pack_into(form, found, found.index(mark) + fields[field], value)
    return bytes(found)


def source_of(raw: Path, content: bytes) -> ZipSource:
    (raw / "features.zip").write_bytes(content)
    return ZipSource(raw / "features.zip")


@pytest.mark.parametrize("name", ["classes.txt", "features.zip", "dataset.csv"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_the_place_of_a_file_is_refused(
    name: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    raw = write_raw(tmp_path, [row("a", lexical="/features/a.npy")], {})
    (raw / "features").rmdir()
    (raw / name).unlink(missing_ok=True)
    make(raw / name)
    with pytest.raises(InputError, match=name.replace(".", r"\.")):
        LAYOUT.read(raw, None)


def test_a_listing_that_is_more_than_its_size_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.csv").symlink_to("/proc/self/status")
    if not Path("/proc/self/status").is_file():
        pytest.skip("no file of an unknown size here")
    with pytest.raises(InputError, match="changed while it was read"):
        LAYOUT.read(tmp_path, None)


def test_half_a_character_on_the_command_line_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be seen"):
        IngestSettings(class_names=("a", "\udcff"))


def test_an_axis_of_thousands_of_digits_is_a_problem() -> None:
    for axis in ("0x" + "f" * 5000, "-0x" + "f" * 5000):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({axis}, 4)}}"
        with pytest.raises(FeatureProblem, match="no array can have"):
            parse(npy_claiming(header))


def test_what_a_file_claims_to_hold_is_told_in_few_words() -> None:
    fields = ",".join(f"('{'x' * 90}{i}','<f4')" for i in range(90))
    axes = "1," * 4000
    for kind, shape in ((f"[{fields}]", "(1,)"), ("'<f4'", f"({axes})")):
        header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}"
        with pytest.raises(FeatureProblem) as caught:
            parse(npy_claiming(header))
        assert len(str(caught.value)) < 300


def test_headers_of_many_kinds_are_not_remembered() -> None:
    fields = ",".join(f"('f{i}','<f4')" for i in range(300))
    with memory_below(2):
        for i in range(12):
            header = (
                f"{{'descr': [{fields},('x{i}','<f4')], 'fortran_order': False, 'shape': (1,)}}"
            )
            with pytest.raises(FeatureProblem, match="features are float16"):
                parse(npy_claiming(header))


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_of_every_method_come_back_and_stop_where_they_said(
    method: int, tmp_path: Path
) -> None:
    honest = source_of(tmp_path, zipped({"features/a.npy": GOOD}, method))
    assert honest.blob("/features/a.npy").read() == GOOD
    honest.close()
    bomb = patched(zipped({"features/a.npy": bytes(2**24)}, method), "size", len(GOOD))
    source = source_of(tmp_path, bomb)
    with memory_below(2), pytest.raises(FeatureProblem) as caught:
        source.blob("/features/a.npy").read()
    assert caught.value.reason == "damaged-member"
    too_long = "takes 16777216 bytes" if method == zipfile.ZIP_STORED else "holds more than"
    assert too_long in str(caught.value)


def test_a_window_larger_than_what_comes_out_of_it_is_not_made(tmp_path: Path) -> None:
    content = bytearray(zipped({"features/a.npy": GOOD}, zipfile.ZIP_LZMA))
    window = content.index(b"\x05\x00\x5d") + 3
    content[window : window + 4] = b"\xff\xff\xff\x7f"
    assert source_of(tmp_path, bytes(content)).blob("/features/a.npy").read() == GOOD


@pytest.mark.parametrize(
    ("field", "value"),
    [("packed", 2**31 - 1), ("offset", 2**32 - 2), ("crc", 0), ("size", 2**30), ("size", 0)],
)
def test_members_that_cannot_be_are_damaged(field: str, value: int, tmp_path: Path) -> None:
    lying = patched(zipped({"features/a.npy": GOOD}, zipfile.ZIP_DEFLATED), field, value)
    source = source_of(tmp_path, lying)
    with memory_below(1), pytest.raises(FeatureProblem) as caught:
        source.blob("/features/a.npy").read()
    assert caught.value.reason == "damaged-member"


def test_a_member_that_begins_beyond_64_bits_is_damaged(tmp_path: Path) -> None:
    central = (
        struct.pack(
            "<4s4B4HL2L5H2L", b"PK\x01\x02", 45, 3, 45, 0, 0, 0, 0, 0, 0, 1, 1, 14, 12, 0, 0, 0, 0,
            2**32 - 1,
        )
        + b"features/a.npy"
        + struct.pack("<HHQ", 1, 8, 2**64 - 1)
    )  # fmt: skip
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(central), 0, 0)
    with pytest.raises(FeatureProblem) as caught:
        source_of(tmp_path, central + end).blob("/features/a.npy").read()
    assert caught.value.reason == "damaged-member"


def test_a_list_of_members_without_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 500)
    with pytest.raises(InputError, match=r"list of its members takes .* more than 500"):
        source_of(tmp_path, zipped(FILES))


@pytest.mark.parametrize("more", [b"x", b""])
def test_a_file_that_changes_before_it_is_read_is_not_used(more: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(GOOD)
    found = FolderSource(tmp_path).find("/a.npy")
    path.write_bytes(GOOD + more if more else GOOD[:-1])
    with pytest.raises(FeatureProblem, match="changed while it was read"):
        found.read()


@pytest.mark.parametrize("change", ["pipe", "link"])
def test_a_file_that_becomes_another_kind_before_it_is_read_is_not_opened(
    change: str, tmp_path: Path
) -> None:
    path = tmp_path / "raw" / "a.npy"
    path.parent.mkdir()
    path.write_bytes(GOOD)
    (tmp_path / "secret.npy").write_bytes(GOOD)
    found = FolderSource(tmp_path / "raw").find("/a.npy")
    path.unlink()
    if change == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "secret.npy")
    with pytest.raises(FeatureProblem) as caught:
        found.read()
    assert caught.value.reason == "unreadable"


def test_files_beyond_the_limit_are_named_with_it(tmp_path: Path) -> None:
    rows = [row("a", lexical="/features/a.npy"), row("b", lexical="/features/b.npy")]
    big = npy(np.zeros((3, 40), np.float32))
    files = {"features/a.npy": GOOD, "features/b.npy": big}
    said = f"is {len(big)} bytes long, more than the 400 that --max-file-size allows"
    for zip_too in (False, True):
        raw = write_raw(tmp_path / str(zip_too), rows, files, zipped=zip_too)
        result = ingest(raw, tmp_path / "memr.h5", IngestSettings(max_file_size=400), silent)
        (problem,) = result.problems
        assert (problem.path, problem.code) == ("/features/b.npy", "too-large")
        assert said in problem.reason
    size = (raw / "dataset.csv").stat().st_size
    with pytest.raises(InputError, match=rf"dataset\.csv is {size} bytes .* --max-file-size"):
        LAYOUT.read(raw, None, size - 1)
    (raw / "classes.txt").write_bytes(b"x" * (size + 1))
    with pytest.raises(InputError, match=rf"classes\.txt is {size + 1} bytes .* --max-file-size"):
        LAYOUT.read(raw, None, size)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("64k", 2**16), ("500M", 500 * 2**20), ("2GB", 2**31), (" 1T ", 2**40)],
)
def test_sizes_are_read_and_written(text: str, size: int) -> None:
    assert in_bytes(text) == size
    assert in_bytes(in_words(size)) == size


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5G", "G", "2 GiB", "1e9", "٣", "9" * 99, "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--max-file-size is .*; give a number of bytes"):
        in_bytes(text)


def test_columns_without_number_take_little(tmp_path: Path) -> None:
    others = "".join(f",c{i:x}" for i in range(100_000))
    rows = "".join(f"u{i},F01,,,,0{',' * 100_000}\n" for i in range(3))
    content = f"{HEADER}{others}\n{rows}".encode()
    with memory_below(24 * len(content) / 2**20):
        assert read_listing(tmp_path, content, COLUMNS).cells.keys() == set(COLUMNS)
    too_many = HEADER.encode() + b"," * 2**20
    for broken in (too_many, content.replace(HEADER.encode(), b"x"), content + b"u9,F01\n"):
        with pytest.raises(InputError) as caught:
            read_listing(tmp_path, broken, COLUMNS)
        assert len(str(caught.value)) < 2000
        assert ("at most 1048576 can be read" in str(caught.value)) == (broken is too_many)


def test_a_hundred_thousand_class_names_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "dataset.csv").write_bytes(LISTING)
    (tmp_path / "classes.txt").write_text("\n".join(f"c{i}" for i in range(100_000)))
    with pytest.raises(InputError, match="100000 classes are named; at most 1000"):
        LAYOUT.read(tmp_path, None)


@pytest.mark.parametrize("label", ["x" * 100_000, "2000." + "0" * 100_000, "-1." + "0" * 100_000])
def test_messages_do_not_carry_what_is_long(label: str, tmp_path: Path) -> None:
    (tmp_path / "dataset.csv").write_text(listing([row("a"), row("b", label=label)]))
    names = [f"{i:x>1000}" for i in range(5)]
    for classes in (None, names):
        with pytest.raises(InputError) as caught:
            LAYOUT.read(tmp_path, classes)
        assert len(str(caught.value)) < 2000


def test_a_problem_does_not_quote_a_long_path_of_another_file(tmp_path: Path) -> None:
    winding = "/features/" + "./" * 50_000 + "a.npy"
    files = {"features/a.npy": GOOD, "features/b.npy": npy(np.ones((2, 5), np.float32))}
    paths = {"a": winding, "b": "/features/b.npy", "c": winding}
    rows = [row(identity, lexical=path) for identity, path in paths.items()]
    raw = write_raw(tmp_path, rows, files, zipped=True)
    result = ingest(raw, tmp_path / "memr.h5", IngestSettings(), silent)
    (problem,) = result.problems
    assert problem.code == "different-dims"
    assert len(problem.reason) < 400


UNSEEN = (
    "\0\t\x1b\x7f\x85\x9b\xad\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\ufeff"
    "\ufff9\U000e0041\udc80\u034f\u115f\u17b4\u180e\u3164\uffa0\U0001d173"
)


@pytest.mark.parametrize("sign", UNSEEN, ids=ascii)
def test_a_name_with_what_cannot_be_seen_is_refused(sign: str) -> None:
    problem = name_problem(f"F{sign}01")
    assert problem == "has a control character, or another that cannot be seen"


@pytest.mark.parametrize(
    "name",
    [
        "F01",
        "Zoë",
        "Zoe\u0308",
        "田中",
        "\u0645\u06cc\u200c\u062e",
        "क\u094d\u200dष",
        "😀",
        "☹\ufe0f",
        "ᠰᠠᠢᠨ\u180b",
        "葛\U000e0100",
        "=1+1",
        "a b",
    ],
)
def test_a_name_of_any_language_is_taken(name: str) -> None:
    assert name_problem(name) is None


def test_nothing_that_data_says_moves_the_cursor_of_a_terminal() -> None:
    odd = "/features/\x1b[2J\u202e\nmemr: all is well"
    rows = [row("a", lexical="/features/a0.npy"), row("b", lexical=odd)]
    with corpus({"features/a0.npy": GOOD}) as place:
        (place / "raw" / "dataset.csv").write_text(listing(rows), encoding="utf-8")
        ended = ingested(place)
    assert problems(ended) == {odd: "missing-file"}
    assert r"\x1b[2J\u202e\nmemr: all is well does not exist" in ended.stderr


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.path,))


def test_an_ingest_unpickles_nothing() -> None:
    with corpus() as place:
        array = np.array([Trap(place / "sprung")], dtype=object)
        (place / "raw/features/a0.npy").write_bytes(npy(array, allow_pickle=True))
        assert problems(ingested(place)) == {"/features/a0.npy": "pickled"}
        assert not (place / "sprung").exists()
