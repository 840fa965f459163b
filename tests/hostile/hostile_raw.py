"""Raw corpora made to break `memr ingest`, and what has to hold whatever they hold."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import h5py  # noqa: F401 - loaded here, forks of this process need not
import numpy as np
import sandbox
from hypothesis import strategies as st

import memr_cli.ingestion  # noqa: F401 - likewise
from store.check import check

sys.path.insert(0, str(Path(__file__).parents[1] / "corpora"))
from raw_folders import listing, npy, row

MEMORY = Path("/dev/shm")  # noqa: S108 - only folders of its own are made there

GOOD = npy(np.arange(12, dtype=np.float32).reshape(3, 4))
SPEAKERS = ("F01", "F02", "M01")
ROWS = tuple(
    row(
        f"Ses01F_impro0{i}_F00{i}",
        SPEAKERS[i % 3],
        i % 4,
        acoustic=f"/features/a{i}.npy",
        lexical=f"/features/l{i}.npy",
    )
    for i in range(8)
)
LISTING = listing(ROWS).encode()
FILES: Mapping[str, bytes] = {f"features/{kind}{i}.npy": GOOD for i in range(8) for kind in "al"}

MOST_SAID = 20_000
"""How many characters of complaint about a corpus of a few utterances a person can be given."""


@contextmanager
def corpus(files: Mapping[str, bytes] = FILES) -> Iterator[Path]:
    """A folder with `raw`, which holds the listing and these files, and a secret beside it."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as made:
        place = Path(made)
        (place / "outside").mkdir()
        (place / "outside" / "secret.npy").write_bytes(npy(np.full((1, 4), 7, np.float32)))
        (place / "raw" / "features").mkdir(parents=True)
        for name, content in {"dataset.csv": LISTING, **files}.items():
            (place / "raw" / name).write_bytes(content)
        yield place


@cache
def standing_store() -> bytes:
    """The bytes of a store of another corpus."""
    with corpus() as place:
        (place / "raw" / "dataset.csv").write_bytes(listing(ROWS[:3]).encode())
        assert sandbox.run("ingest", place / "raw", "--store", place / "memr.h5").code == 0
        return (place / "memr.h5").read_bytes()


def ingested(place: Path, *options: str, standing: bool = False) -> sandbox.Ended:
    """Ingest `place/raw`, and assert all that has to hold of it, whatever it holds.

    A store of another corpus stands in the way where `standing`; without --overwrite it has to
    stay. What is refused leaves no trace; what is done is a store without violations.
    """
    store = place / "stores" / "memr.h5"
    store.parent.mkdir(exist_ok=True)
    if standing:
        store.write_bytes(standing_store())
    with sandbox.nothing_else_changed(place, store.parent):
        words = ("ingest", place / "raw", "--store", store, *options)
        ended = sandbox.run(*words, conditions=sandbox.Conditions(folder=place))
    sandbox.assert_survived(ended)
    what = f"{ended.code}: {ended.stderr[:2000]}"
    assert len(ended.stderr) < MOST_SAID, what
    assert all(line.isprintable() for line in ended.stderr.splitlines()), what
    left = sorted(path.name for path in store.parent.iterdir())
    assert left == ["memr.h5"] * (standing or ended.code == 0), f"{left} after {what}"
    if ended.code:
        assert not standing or store.read_bytes() == standing_store(), what
    else:
        assert check(store) == []
    return ended


def problems(ended: sandbox.Ended) -> dict[str, str]:
    """The code of each problem that an ingest listed, by the path of the file."""
    assert ended.code == 0, ended.stderr
    return {problem["path"]: problem["code"] for problem in ended.lines[0]["problems"]}


INTERESTING = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\xfe\xff")


@st.composite
def mutations(draw: st.DrawFn, content: bytes, others: bytes = b"") -> bytes:
    """`content` after one to six changes; `others` is what parts are spliced in from."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(found) - 1)))
        length = draw(st.integers(1, 40))
        match draw(st.sampled_from(("flip", "set", "cut", "drop", "double", "put", "splice"))):
            case "flip" if found:
                found[place] ^= 1 << draw(st.integers(0, 7))
            case "set" if found:
                found[place] = draw(st.integers(0, 255))
            case "cut":
                del found[place:]
            case "drop":
                del found[place : place + length]
            case "double":
                found[place:place] = found[place : place + length]
            case "put":
                value = draw(st.sampled_from(INTERESTING) | st.binary(min_size=1, max_size=8))
                found[place : place + len(value)] = value
            case "splice" if others:
                start = draw(st.integers(0, len(others) - 1))
                found[place:place] = others[start : start + length]
    return bytes(found)
