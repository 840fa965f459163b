"""features.zip from anybody."""

import io
import struct
import warnings
import zipfile
from collections.abc import Mapping

from hostile_raw import FILES, GOOD, corpus, ingested, mutations
from hypothesis import given
from hypothesis import strategies as st
from sandbox import hostile

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
LOCAL = {"version": 4, "flags": 6, "method": 8, "crc": 14, "packed": 18, "size": 22, "name": 26}
CENTRAL = {
    "version": 6, "flags": 8, "method": 10, "crc": 16, "packed": 20, "size": 24, "name": 28,
    "extra": 30, "comment": 32, "disk": 34, "system": 5, "mode": 38, "offset": 42,
}  # fmt: skip
WIDE = {"crc", "packed", "size", "mode", "offset"}
END = {"count": 10, "directory": 12, "start": 16, "comment": 20}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these members."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


@st.composite
def odd_zips(draw: st.DrawFn) -> bytes:
    """A zip with further members: of odd names, twice, nested, of inflating bytes, links."""
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, content in FILES.items():
            method = draw(st.sampled_from(METHODS))
            archive.writestr(name, content, method)
        for _ in range(draw(st.integers(0, 4))):
            name = draw(
                st.sampled_from(
                    (
                        *FILES, "../outside/secret.npy", "/features/a0.npy", "features/", "a0.npy",
                        "features/a0.npy/", "C:\\a0.npy", "features\\a0.npy", "x" * 65535, "é" * 9,
                    )
                )
                | st.text(min_size=1, max_size=9).map(lambda text: text.replace("\0", "_"))
            )  # fmt: skip
            info = zipfile.ZipInfo(name)
            info.compress_type = draw(st.sampled_from(METHODS))
            info.external_attr = draw(st.sampled_from((0, 0o120777 << 16, 0o010644 << 16, 0x10)))
            info.extra = draw(
                st.just(b"")
                | st.binary(max_size=12)
                | st.just(struct.pack("<HHQQQ", 1, 24, 2**63, 2**64 - 1, 2**64 - 2))
            )
            content = draw(
                st.sampled_from(
                    (GOOD, b"", b"../../outside/secret.npy", bytes(2**20), zipped(FILES))
                )
            )
            archive.writestr(info, content)
        archive.comment = draw(st.binary(max_size=30))
    return made.getvalue()


@st.composite
def lying_zips(draw: st.DrawFn) -> bytes:
    """A zip whose headers say what is not so, in one place or in both."""
    content = bytearray(zipped(FILES, draw(st.sampled_from(METHODS))))
    numbers = st.sampled_from((0, 1, 8, 9, 12, 14, 97, 255, 65535, 2**31, 2**32 - 2, 2**32 - 1))
    for _ in range(draw(st.integers(1, 6))):
        mark, fields = draw(
            st.sampled_from(
                ((b"PK\x03\x04", LOCAL), (b"PK\x01\x02", CENTRAL), (b"PK\x05\x06", END))
            )
        )
        places = [i for i in range(len(content) - 3) if content[i : i + 4] == mark]
        if not places:
            continue
        field = draw(st.sampled_from(sorted(fields)))
        wide = field in WIDE or field in ("directory", "start")
        place = draw(st.sampled_from(places)) + fields[field]
        value = draw(numbers | st.integers(0, 2**32 - 1))
        form = "<I" if wide else "<H"
        content[place : place + struct.calcsize(form)] = struct.pack(
            form, value if wide else value & 0xFFFF
        )
    return (
        draw(st.just(b"") | st.binary(max_size=30))
        + bytes(content)
        + draw(st.just(b"") | st.binary(max_size=30))
    )


def end_of_64_bits(size: int, start: int, count: int = 1) -> bytes:
    """The end of a large zip, which counts in 64 bits."""
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    return (
        end
        + locator
        + struct.pack("<4s4H2LH", b"PK\x05\x06", *[2**16 - 1] * 4, *[2**32 - 1] * 2, 0)
    )


LARGE = st.integers(0, 2**64 - 1) | st.sampled_from((0, 46, 2**31, 2**32, 2**63, 2**64 - 1))


@hostile
@given(
    st.one_of(
        odd_zips(),
        lying_zips(),
        mutations(zipped(FILES, zipfile.ZIP_DEFLATED), zipped(FILES)),
        st.builds(lambda *ends: zipped(FILES) + end_of_64_bits(*ends), LARGE, LARGE, LARGE),
    ),
    st.booleans(),
)
def test_any_zip_is_read_or_refused(content: bytes, standing: bool) -> None:
    with corpus({}) as place:
        raw = place / "raw"
        (raw / "features").rmdir()
        (raw / "features.zip").write_bytes(content)
        assert ingested(place, standing=standing).code in (0, 3, 4)
