"""A bit that is flipped, a file that is cut: reported, or nothing that is seen changes."""

import os
import signal
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest
from flip_bits import CRASHED, FAILED, HUNG, REPORTED, UNCHANGED, UNNOTICED, cut, flipped, outcomes
from tiny_stores import is_reported, seen, write_tiny

SAMPLE = 100
"""How many flips of each store are tried; `python tests/hostile/flip_bits.py` tries all."""


@pytest.fixture(scope="module", params=[False, True], ids=["pooled", "sequences"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "memr.h5"
    write_tiny(path, request.param)
    return path.read_bytes()


def test_a_flipped_bit_is_reported_or_changes_nothing_seen(whole: bytes) -> None:
    bits = np.random.default_rng(6).choice(8 * len(whole), SAMPLE, replace=False).tolist()
    found = list(outcomes(whole, bits, flipped))
    assert [case for case, _ in found] == bits
    assert [case for case, outcome in found if outcome in FAILED] == []
    counts = Counter(outcome for _, outcome in found)
    assert counts[REPORTED] > SAMPLE * 0.9  # nearly all of the file is under checksums


def test_a_cut_is_reported_at_any_length(whole: bytes) -> None:
    lengths = [*range(0, len(whole), 97), len(whole) - 1]
    assert set(outcomes(whole, lengths, cut)) == {(length, REPORTED) for length in lengths}


def test_what_goes_unnoticed_crashes_or_hangs_is_told_apart(
    whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unheeding(path: Path) -> bool:
        content = path.read_bytes()
        if content == whole[:-2]:
            os.kill(os.getpid(), signal.SIGKILL)
        while content == whole[:-3]:
            pass
        return len(content) < len(whole) - 3

    monkeypatch.setattr("flip_bits.is_reported", unheeding)
    monkeypatch.setattr("flip_bits.SECONDS", 1)
    monkeypatch.setattr("flip_bits.seen", len_of)
    size = len(whole)
    assert list(outcomes(whole, [size, size - 1, size - 2, size - 3, size - 4], cut)) == [
        (size, UNCHANGED),
        (size - 1, UNNOTICED),
        (size - 2, CRASHED),
        (size - 3, HUNG),
        (size - 4, REPORTED),
    ]


def len_of(path: Path) -> str:
    return str(path.stat().st_size)


@pytest.mark.parametrize(
    ("place", "name"), [("/", "synthetic"), ("provenance", "files"), ("names/split", "sha256")]
)
def test_every_attribute_counts_as_seen(tmp_path: Path, place: str, name: str) -> None:
    write_tiny(tmp_path / "memr.h5", sequences=True)
    before = seen(tmp_path / "memr.h5")
    with h5py.File(tmp_path / "memr.h5", "r+") as file:
        file[place].attrs.modify(name, file[place].attrs[name])
    assert seen(tmp_path / "memr.h5") == before
    with h5py.File(tmp_path / "memr.h5", "r+") as file:
        del file[place].attrs[name]
    assert seen(tmp_path / "memr.h5") != before
    assert is_reported(tmp_path / "memr.h5")
