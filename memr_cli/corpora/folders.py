"""Feature files in a folder, and never outside it."""

import os
import stat
from functools import partial
from pathlib import Path

from memr_cli.corpora.features import FeatureProblem, Found, Reason, check_size
from memr_cli.corpora.limits import MAX_FILE_BYTES
from memr_cli.corpora.npy import Blob
from memr_cli.files.plain import is_of_system
from memr_cli.files.visible import show

FOLDER = "features"
ARCHIVE = "features.zip"

# A file that was checked a moment ago may now be a pipe, which would block, or a link.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW


class FolderSource:
    """Feature files in a folder. Paths, `..` and links may not lead out of it."""

    def __init__(self, root: Path, max_file_size: int = MAX_FILE_BYTES) -> None:
        self._max_file_size = max_file_size
        self._root = os.path.realpath(root)
        self._inside = self._root.rstrip("/") + "/"
        # A corpus has few folders with many files each, and resolving the links of a folder costs
        # more than reading a small file.
        self._folders: dict[str, str] = {}

    def find(self, path: str) -> Found:
        """Return the features in a file. See FeatureSource."""
        return self.blob(path).as_npy()

    def blob(self, path: str) -> Blob:
        """Return the file, not read yet. Raises FeatureProblem, OSError."""
        try:
            target, status = self._locate(path)
        except OSError as error:
            raise self._problem(error) from error
        check_size(status.st_size, self._max_file_size)
        return Blob(status.st_size, partial(self._read, target, status.st_size))

    def close(self) -> None:
        """Do nothing: no file is kept open."""

    def _read(self, target: str, size: int) -> bytes:
        try:
            descriptor = os.open(target, _READ)
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
        """Return the problem of a file whose opening or reading raised an error.

        Raises the error itself where it comes from the system and tells nothing about the file.
        """
        if is_of_system(error):
            raise error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return FeatureProblem(Reason.MISSING_FILE, f"does not exist in {self._root}")
        return FeatureProblem(Reason.UNREADABLE, f"cannot be read: {error.strerror or error}")

    def _locate(self, path: str) -> tuple[str, os.stat_result]:
        """Return the regular file that a path and its links lead to, and its status."""
        if "\0" in path:
            raise FileNotFoundError(path)
        folder, _, name = path.lstrip("/").rpartition("/")
        if name in ("", ".", ".."):
            folder, name = f"{folder}/{name}", "."
        target = f"{self._resolve(folder)}/{name}"
        status = os.lstat(target)
        if stat.S_ISLNK(status.st_mode):
            target = os.path.realpath(target)
            self._check_inside(target)
            status = os.lstat(target)
        # Opening a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            raise FeatureProblem(Reason.NOT_A_FILE, "is a folder or a device, not a file")
        return target, status

    def _resolve(self, folder: str) -> str:
        resolved = self._folders.get(folder)
        if resolved is None:
            resolved = os.path.realpath(f"{self._root}/{folder}")
            self._check_inside(resolved)
            self._folders[folder] = resolved
        return resolved

    def _check_inside(self, target: str) -> None:
        if target != self._root and not target.startswith(self._inside):
            raise FeatureProblem(
                Reason.OUTSIDE_RAW,
                f"leads outside {self._root}, to {show(target)}; only files within it are read",
            )
