"""Where feature files are read from: a folder or a zip, and never from outside either."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from memr_cli.corpora.features import FeatureProblem, Frames, Reason, from_npy
from memr_cli.corpora.limits import MAX_FILE_BYTES, too_large
from memr_cli.corpora.quoting import show
from memr_cli.files.plain import is_of_system

FOLDER = "features"
ARCHIVE = "features.zip"

# What was a file a moment ago may be a pipe or a link by now, and opening a pipe would wait for
# ever.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Found:
    """Features that are there to be read, and how many bytes they take as they are kept."""

    size: int
    read: Callable[[], Frames]
    """The frames; any thread may call this. Raises FeatureProblem where they cannot be had."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file or a member of an archive that is there to be read, and its size in bytes."""

    size: int
    read: Callable[[], bytes]

    def as_npy(self) -> Found:
        """Return its features, where it is an `.npy` file."""
        return Found(self.size, partial(from_npy, self.read))


class FeatureSource(Protocol):
    """Gives features by the path that the layout lists; for files it is rooted at RAW."""

    def find(self, path: str) -> Found:
        """The file, without reading it. Raises FeatureProblem where there is none to be read."""
        ...

    def close(self) -> None:
        """Give back what is open; reading ends here."""
        ...


class FolderSource:
    """Feature files in a folder. Paths, `..` and links may not lead out of it."""

    def __init__(self, root: Path, max_file_size: int = MAX_FILE_BYTES) -> None:
        self._max_file_size = max_file_size
        self._root = os.path.realpath(root)
        self._inside = self._root.rstrip("/") + "/"
        # A corpus has few folders with many files each: resolving a folder's links costs more
        # than reading a small file from it.
        self._folders: dict[str, str] = {}

    def find(self, path: str) -> Found:
        """The features in a file. Raises FeatureProblem: see FeatureSource."""
        return self.blob(path).as_npy()

    def blob(self, path: str) -> Blob:
        """The file, without reading it. Raises FeatureProblem as `find`."""
        try:
            place, status = self._locate(path)
        except OSError as error:
            raise self._problem(error) from error
        check_size(status.st_size, self._max_file_size)
        return Blob(status.st_size, partial(self._read, place, status.st_size))

    def close(self) -> None:
        """Nothing is held open."""

    def _read(self, place: str, size: int) -> bytes:
        try:
            descriptor = os.open(place, _READ)
            try:
                # One byte more than there should be shows that there is no more.
                content = os.read(descriptor, size + 1)
                while len(content) < size and (
                    more := os.read(descriptor, size + 1 - len(content))
                ):
                    content += more
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._problem(error) from error
        if len(content) != size:
            raise FeatureProblem(Reason.UNREADABLE, "changed while it was read")
        return content

    def _problem(self, error: OSError) -> FeatureProblem:
        """The problem of a file, from what opening or reading it raised.

        Raises the error itself where it is the system's, which says nothing about the file.
        """
        if is_of_system(error):
            raise error
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
                f"leads outside {self._root}, to {show(place)}; only files within it are read",
            )


def check_size(size: int, limit: int) -> None:
    """Raise FeatureProblem too-large where a file of `size` bytes is not to be read."""
    if size > limit:
        raise FeatureProblem(Reason.TOO_LARGE, too_large(size, limit))
