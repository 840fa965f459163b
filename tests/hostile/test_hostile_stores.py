"""memr over stores that are damaged or forged in ways nobody listed."""

import shutil
import tempfile
from pathlib import Path

import h5py  # noqa: F401 - loaded here, so that forks need not
import pytest
import sandbox
import torch  # noqa: F401
from forged_stores import FORGED
from hypothesis import given
from hypothesis import strategies as st
from small_corpus import make_raw, make_store
from tiny_stores import quick_folder

QUICK = ("--epochs", "1", "--folds", "2", "--hidden", "4")
COMMANDS: list[tuple[str, ...]] = [
    ("info",),
    ("check",),
    ("audit", "--folds", "2"),
    ("evaluate", "--method", "lexical", *QUICK),
    ("evaluate", "--method", "temporal-gru", *QUICK),
    ("train", "--method", "acoustic", *QUICK),
    ("ablate", "early", *QUICK),
    ("report",),
    ("ingest", "raw"),
    ("ingest", "raw", "--overwrite"),
]
VALUES = [
    b"\0" * 8,
    b"\xff" * 8,
    b"\1" + b"\0" * 7,
    b"\0" * 7 + b"\x80",
    b"\xff" * 7 + b"\x7f",
    b"GCOL",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the corpus and its two stores lie."""
    folder = tmp_path_factory.mktemp("place")
    raw = make_raw(folder / "raw")
    make_store(raw, folder / "pooled.h5", sequences=False)
    make_store(raw, folder / "sequences.h5", sequences=True)
    return folder


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, float, float, bytes]:
    """What is done to the bytes of a file, and where."""
    kind = draw(
        st.sampled_from(
            ["flip", "flip", "flip", "put", "put", "cut", "drop", "double", "insert", "splice"]
        )
    )
    where = draw(st.floats(0, 1, exclude_max=True))
    length = draw(st.floats(0, 0.2))
    return kind, where, length, draw(st.sampled_from(VALUES) | st.binary(min_size=1, max_size=16))


def mutated(content: bytes, other: bytes, mutation: tuple[str, float, float, bytes]) -> bytes:
    kind, where, share, value = mutation
    at = int(where * len(content))
    end = at + int(share * len(content)) + 1
    made = {
        "flip": content[:at] + bytes([content[at] ^ (1 << value[0] % 8)]) + content[at + 1 :],
        "put": content[:at] + value + content[at + len(value) :],
        "cut": content[:at],
        "drop": content[:at] + content[end:],
        "double": content[:end] + content[at:],
        "insert": content[:at] + value + content[at:],
        "splice": content[:at] + other[at:end] + content[end:],
    }
    return made[kind] or b"\0"


@sandbox.hostile
@given(
    sequences=st.booleans(),
    forged=st.lists(st.sampled_from(sorted(FORGED)), max_size=1),
    changes=st.lists(mutations(), max_size=3),
    command=st.sampled_from(COMMANDS),
)
def test_a_hostile_store_is_survived(
    place: Path,
    sequences: bool,
    forged: list[str],
    changes: list[tuple[str, float, float, bytes]],
    command: tuple[str, ...],
) -> None:
    names = ("sequences.h5", "pooled.h5") if sequences else ("pooled.h5", "sequences.h5")
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        store, out = Path(folder, "memr.h5"), Path(folder, "out")
        shutil.copy(place / names[0], store)
        for name in forged:
            try:
                FORGED[name](store)
            except (KeyError, IndexError):
                return  # it is about sequences, which this store lacks
        small = store.is_file() and store.stat().st_size < 2**24
        if changes and small:
            content = store.read_bytes()
            for change in changes:
                content = mutated(content, (place / names[1]).read_bytes(), change)
            store.write_bytes(content)
        words = [str(place / "raw") if word == "raw" else word for word in command]
        free = [store.with_name(".memr.h5.lock")] if small and "ingest" not in words else [store]
        with sandbox.nothing_else_changed(Path(folder), out, *free):
            sandbox.survives(*words, "--store", store, "--out", out)
