"""Where feature files are read from: a folder or a zip, and never from outside either."""

import lzma
import os
import posixpath
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Protocol

from memr_cli.corpora.features import MAX_FILE_BYTES, FeatureProblem, Reason
from memr_cli.errors import InputError

FOLDER = "features"
ARCHIVE = "features.zip"


@dataclass(frozen=True, slots=True)
class Found:
    """A feature file that is there to be read, and how many bytes it has."""

    size: int
    read: Callable[[], bytes]
    """The whole file; any thread may call this. Raises FeatureProblem where it cannot be had."""


class FeatureSource(Protocol):
    """Gives the bytes of feature files by the path that the layout lists, rooted at RAW."""

    def find(self, path: str) -> Found:
        """The file, without reading it. Raises FeatureProblem where there is none to be read."""
        ...

    def close(self) -> None:
        """Give back what is open; reading ends here."""
        ...


def open_source(raw: Path) -> FeatureSource:
    """The folder RAW, or `RAW/features.zip` where there is no folder `RAW/features`.

    Raises InputError where the zip cannot be opened as one.
    """
    archive = raw / ARCHIVE
    if (raw / FOLDER).is_dir() or not archive.exists():
        return FolderSource(raw)
    return ZipSource(archive)


class FolderSource:
    """Feature files in a folder. Paths, `..` and links may not lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._inside = self._root.rstrip("/") + "/"
        # A corpus has few folders with many files each: resolving a folder's links costs more
        # than reading a small file from it.
        self._folders: dict[str, str] = {}

    def find(self, path: str) -> Found:
        """The file, without reading it. Raises FeatureProblem: see FeatureSource."""
        try:
            place, status = self._locate(path)
        except OSError as error:
            raise self._problem(error) from error
        _check_size(status.st_size)
        return Found(status.st_size, partial(self._read, place))

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, place: str) -> bytes:
        try:
            with FileIO(place) as file:
                return file.read()
        except OSError as error:
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> FeatureProblem:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return FeatureProblem(Reason.MISSING_FILE, f"does not exist in {self._root}")
        return FeatureProblem(Reason.UNREADABLE, f"cannot be read: {error.strerror or error}")

    def _locate(self, path: str) -> tuple[str, os.stat_result]:
        """The regular file that a path leads to once links are followed, with its status."""
        if "\0" in path:
            raise FileNotFoundError(path)
        folder, _, name = path.lstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            folder, name = f"{folder}/{name}", "."
        place = f"{self._resolve(folder)}/{name}"
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            place = os.path.realpath(place)
            self._check_inside(place)
            status = os.lstat(place)
        # Opening a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise FeatureProblem(Reason.NOT_A_FILE, "is a folder or a device, not a file")
        return place, status

    def _resolve(self, folder: str) -> str:
        resolved = self._folders.get(folder)
        if resolved is None:
            resolved = os.path.realpath(f"{self._root}/{folder}")
            self._check_inside(resolved)
            self._folders[folder] = resolved
        return resolved

    def _check_inside(self, place: str) -> None:
        if place != self._root and not place.startswith(self._inside):
            raise FeatureProblem(
                Reason.OUTSIDE_RAW,
                f"leads outside {self._root}, to {place}; only files within it are read",
            )


class ZipSource:
    """Feature files in a zip, read in place: nothing is unpacked to disk.

    Members lie under their path from RAW (`features/…`), or under the path without that first
    folder, as when the folder's content was zipped.
    """

    def __init__(self, archive: Path) -> None:
        self._name = archive.name
        try:
            self._zip = zipfile.ZipFile(archive)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InputError(
                f"{archive} is damaged or not a zip: {error}. "
                f"Make it again, or unpack the features into {archive.with_suffix('')}"
            ) from error
        self._members = {info.filename: info for info in self._zip.infolist()}

    def find(self, path: str) -> Found:
        """The member, without reading it. Raises FeatureProblem: see FeatureSource."""
        info = self._member(path)
        if info.flag_bits & 0x1:
            raise FeatureProblem(
                Reason.ENCRYPTED,
                f"is encrypted in {self._name}; make the zip again without a password",
            )
        _check_size(info.file_size)
        return Found(info.file_size, partial(self._read, info))

    def close(self) -> None:
        """Close the zip."""
        self._zip.close()

    def _read(self, info: zipfile.ZipInfo) -> bytes:
        # One handle serves all threads: zipfile takes turns at it only while bytes come from the
        # file, and inflates and compares checksums outside of that.
        try:
            with self._zip.open(info) as member:
                return member.read()
        except NotImplementedError as error:
            raise FeatureProblem(
                Reason.UNREADABLE,
                f"is compressed in {self._name} in a way that Python cannot read: {error}",
            ) from error
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            raise FeatureProblem(
                Reason.DAMAGED_MEMBER, f"is damaged in {self._name}: {error}"
            ) from error

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


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise FeatureProblem(
            Reason.TOO_LARGE,
            f"is {size} bytes long; the features of one utterance may take {MAX_FILE_BYTES}",
        )
