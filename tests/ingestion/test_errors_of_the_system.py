"""Errors of the system while raw files are read say nothing about the files: exit 6, no store."""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from raw_folders import npy, row, write_raw

from memr_cli.corpora import archives

Run = Any
CODES = (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, errno.ENOMEM, errno.ENOTCONN)


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["open", "read"])
def test_a_feature_file_that_the_system_refuses_ends_the_ingest(
    memr: Run,
    small_raw: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
) -> None:
    opened, real_open, real_read = set(), os.open, os.read

    def failing_open(path: Any, *args: Any, **options: Any) -> int:
        is_feature = str(path).endswith(".npy") and "acoustic" in str(path)
        if call == "open" and is_feature:
            raise OSError(code, os.strerror(code), str(path))
        descriptor = real_open(path, *args, **options)
        if is_feature:
            opened.add(descriptor)
        return descriptor

    def failing_read(descriptor: int, size: int) -> bytes:
        if call == "read" and descriptor in opened:
            raise OSError(code, os.strerror(code))
        return real_read(descriptor, size)

    monkeypatch.setattr(os, "open", failing_open)
    monkeypatch.setattr(os, "read", failing_read)
    store = tmp_path / "memr.h5"
    ran = memr("ingest", small_raw, "--store", store)
    assert (ran.code, ran.stdout) == (6, "")
    assert "Traceback" not in ran.stderr
    assert not store.exists()


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
def test_a_listing_that_the_system_refuses_ends_the_ingest(
    memr: Run, small_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = os.open

    def failing(path: Any, *args: Any, **options: Any) -> int:
        if str(path).endswith("dataset.csv"):
            raise OSError(code, os.strerror(code), str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", failing)
    ran = memr("ingest", small_raw, "--store", tmp_path / "memr.h5")
    assert (ran.code, ran.stdout) == (6, "")


class FailingZip(io.BytesIO):
    """A zip on a disk that fails: where its members are stored, or where its directory is."""

    def __init__(self, content: bytes, part: str, code: int) -> None:
        super().__init__(content)
        self._directory = content.index(b"PK\x01\x02")
        self._part, self._code = part, code

    def read(self, size: int | None = -1) -> bytes:
        part = "members" if self.tell() < self._directory else "directory"
        if part == self._part:
            raise OSError(self._code, os.strerror(self._code))
        return super().read(size)


@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
@pytest.mark.parametrize("part", ["directory", "members"])
def test_a_zip_that_the_system_refuses_ends_the_ingest(
    memr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, code: int
) -> None:
    files = {f"features/{name}.npy": npy([1.0, 2.0]) for name in "ab"}
    rows = [row(name, lexical=f"/features/{name}.npy") for name in "ab"]
    raw = write_raw(tmp_path / "raw", rows, files, zipped=True)
    content = (raw / "features.zip").read_bytes()

    @contextmanager
    def opened(*_: object) -> Iterator[tuple[FailingZip, int]]:
        yield FailingZip(content, part, code), len(content)

    monkeypatch.setattr(archives, "opened", opened)
    ran = memr("ingest", raw, "--store", tmp_path / "memr.h5")
    assert (ran.code, ran.stdout) == (6, ""), ran.stderr
    assert not (tmp_path / "memr.h5").exists()
