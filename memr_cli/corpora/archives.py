"""Feature files in a zip, read in place. The sizes that a member claims bound its memory.

`zipfile` reads the directory. Members are decompressed here, because `zipfile` does not limit the
output of some compression methods.
"""

import bz2
import lzma
import posixpath
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from io import SEEK_CUR
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from memr_cli.corpora.features import FeatureProblem, Found, Reason, check_size
from memr_cli.corpora.folders import FOLDER
from memr_cli.corpora.limits import MAX_FILE_BYTES
from memr_cli.corpora.npy import Blob
from memr_cli.errors import InputError
from memr_cli.files.plain import PlainFileError, is_of_system, opened
from memr_cli.files.visible import show

MAX_DIRECTORY_BYTES = 2**27
"""The largest directory of a zip; in memory it occupies about seven times as much."""

_ENCRYPTED, _PATCH = 0x41, 0x20
"""Flags of a member: a password or strong encryption; a change to another file."""

_HEADER = struct.Struct("<26x2H")
"""The header before a member; read are the lengths of its name and its extra field."""

_DAMAGE = (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
"""Errors from decompressing a damaged member."""


class ZipSource:
    """Feature files in a zip; nothing is unpacked to disk.

    Members are named by their path from RAW (`features/…`), or by the path without that first
    folder, as when the folder's content was zipped. Of several members of one name the last counts.
    Raises InputError where the zip cannot be opened as one, OSError from the system.
    """

    def __init__(self, archive: Path, max_file_size: int = MAX_FILE_BYTES) -> None:
        self._name = archive.name
        self._max_file_size = max_file_size
        with ExitStack() as stack:
            try:
                self._file, self._size = stack.enter_context(opened(archive, sys.maxsize))
                with zipfile.ZipFile(_Bounded(self._file)) as directory:
                    self._members = {info.filename: info for info in directory.infolist()}
            except (PlainFileError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
                # zipfile takes any error of reading for a file that is no zip.
                cause = error.__context__
                if isinstance(cause, OSError) and is_of_system(cause):
                    raise cause from None
                raise InputError(
                    f"{archive} is damaged or not a zip: {show(str(error), 200)}. "
                    f"Make it again, or unpack the features into {archive.with_suffix('')}"
                ) from error
            self._open = stack.pop_all()
        self._turn = Lock()

    def find(self, path: str) -> Found:
        """Return the features in a member. See FeatureSource."""
        return self.blob(path).as_npy()

    def blob(self, path: str) -> Blob:
        """Return the member, not read yet. Raises FeatureProblem."""
        info = self._member(path)
        if info.flag_bits & _ENCRYPTED:
            raise FeatureProblem(
                Reason.ENCRYPTED,
                f"is encrypted in {self._name}; make the zip again without a password",
            )
        check_size(info.file_size, self._max_file_size)
        if not 0 <= info.header_offset <= self._size - info.compress_size:
            raise self._damaged("it would end beyond the end of the zip")
        # No compression makes data much longer, and all of this is read at once.
        if info.compress_size > info.file_size + info.file_size // 50 + 2**16:
            raise self._damaged(
                f"it takes {info.compress_size} bytes for the {info.file_size} that it claims"
            )
        return Blob(info.file_size, partial(self._read, info))

    def close(self) -> None:
        """Close the zip."""
        self._open.close()

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        inflate = None if info.flag_bits & _PATCH else _INFLATE.get(info.compress_type)
        if inflate is None:
            raise FeatureProblem(
                Reason.UNREADABLE,
                f"is compressed in {self._name} in a way that memr cannot read: method "
                f"{info.compress_type}",
            )
        try:
            content = inflate(self._packed(info), info.file_size + 1)
        except _DAMAGE as error:
            if isinstance(error, OSError) and is_of_system(error):
                raise
            raise self._damaged(show(str(error), 200)) from error
        if len(content) != info.file_size:
            more = "more" if len(content) > info.file_size else "less"
            raise self._damaged(f"it holds {more} than the {info.file_size} bytes it claims")
        if zlib.crc32(content) != info.CRC:
            raise self._damaged("its checksum does not fit")
        return content

    def _packed(self, info: zipfile.ZipInfo) -> bytes:
        """Return the compressed bytes of a member. Threads share one handle and take turns."""
        with self._turn:
            self._file.seek(info.header_offset)
            header = self._file.read(_HEADER.size)
            if not header.startswith(b"PK\x03\x04") or len(header) < _HEADER.size:
                raise ValueError("it does not begin where it should")
            self._file.seek(sum(_HEADER.unpack(header)), SEEK_CUR)
            packed = self._file.read(info.compress_size)
        if len(packed) < info.compress_size:
            raise ValueError("it is cut off")
        return packed

    def _damaged(self, why: str) -> FeatureProblem:
        return FeatureProblem(Reason.DAMAGED_MEMBER, f"is damaged in {self._name}: {why}")

    def _member(self, path: str) -> zipfile.ZipInfo:
        name = posixpath.normpath(path.lstrip("/"))
        if name.split("/", 1)[0] == "..":
            raise FeatureProblem(
                Reason.OUTSIDE_RAW,
                f"leads outside {self._name}; only files within it are read",
            )
        for candidate in (name, name.removeprefix(f"{FOLDER}/")):
            if candidate in self._members:
                return self._members[candidate]
        if f"{name}/" in self._members:
            raise FeatureProblem(Reason.NOT_A_FILE, f"is a folder in {self._name}, not a file")
        raise FeatureProblem(Reason.MISSING_FILE, f"does not exist in {self._name}")


class _Bounded:
    """A zip of which `zipfile` reads the directory, up to a limit."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Read from the file. Raises ValueError for more bytes than the limit."""
        if size > MAX_DIRECTORY_BYTES:
            raise ValueError(
                f"the list of its members takes {size} bytes, more than {MAX_DIRECTORY_BYTES}"
            )
        return self._file.read(size)


def _stored(packed: bytes, _most: int) -> bytes:
    return packed


def _deflated(packed: bytes, most: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)


def _bzip2(packed: bytes, most: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(packed, most)


def _lzma(packed: bytes, most: int) -> bytes:
    """LZMA as in zips: version and length of the properties in four bytes, the properties, data."""
    length = int.from_bytes(packed[2:4], "little")
    code, window = packed[4:5], int.from_bytes(packed[5:9], "little")
    if length != 5 or len(packed) < 9:
        raise ValueError("its LZMA properties are not five bytes")
    properties = {
        "id": lzma.FILTER_LZMA1,
        "lc": code[0] % 9,
        "lp": code[0] // 9 % 5,
        "pb": code[0] // 45,
        # The window is allocated at once, and no data refers further back than its own length.
        "dict_size": min(window, max(most, 4096)),
    }
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[properties])
    return decoder.decompress(packed[9:], most)


_INFLATE: Mapping[int, Callable[[bytes, int], bytes]] = {
    zipfile.ZIP_STORED: _stored,
    zipfile.ZIP_DEFLATED: _deflated,
    zipfile.ZIP_BZIP2: _bzip2,
    zipfile.ZIP_LZMA: _lzma,
}
"""By compression method: a function of packed bytes and of the most bytes that it returns."""
