"""Errors of the system while raw files are read say nothing about the files: exit 6, no store."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

Run = Any
CODES = (errno.EMFILE, errno.ENFILE, errno.EIO, errno.ESTALE, errno.ENOMEM)


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
