"""Where made-up feature files are written to: a folder or a zip, byte for byte reproducible."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from memr_cli.corpora.sources import ARCHIVE


class FeatureSink(Protocol):
    """Takes feature files by their path within the corpus."""

    def save(self, path: str, frames: NDArray[Any]) -> int:
        """Write an array as `.npy`; returns its length in bytes."""
        ...


@contextmanager
def open_sink(folder: Path, archive: bool) -> Iterator[FeatureSink]:
    """A sink into `folder` itself, or into `features.zip` there."""
    if not archive:
        yield _FolderSink(folder)
        return
    with zipfile.ZipFile(folder / ARCHIVE, "x") as file:
        yield _ZipSink(file)


class _FolderSink:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[str] = set()

    def save(self, path: str, frames: NDArray[Any]) -> int:
        parent = path.rpartition("/")[0]
        if parent not in self._made:
            (self._folder / parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        content = _npy(frames)
        target = self._folder / path
        try:
            return target.write_bytes(content)
        except OSError as error:  # a full disk is reported without a name
            raise OSError(error.errno, error.strerror, str(target)) from error


class _ZipSink:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def save(self, path: str, frames: NDArray[Any]) -> int:
        content = _npy(frames)
        # A fixed time and system, so that one seed gives one file; random numbers do not compress.
        info = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
        info.create_system = 3
        info.external_attr = 0o644 << 16
        self._archive.writestr(info, content, zipfile.ZIP_STORED)
        return len(content)


def _npy(frames: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, frames, allow_pickle=False)
    return stream.getvalue()
