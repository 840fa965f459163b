"""What several test folders share: a small synthetic corpus, its store, the command line."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pytest
from typer.testing import CliRunner

# Networks here are so small that threads would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Programs started in the background may have to ignore Ctrl-C, and so would those that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from memr_cli.corpora.archives import ZipSource
from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from store.hashing import ContentHash, Entry, fingerprint
from store.schema import kind_of

SMALL = SyntheticSettings(
    utterances=240, frames=4, visual_dim=12, acoustic_dim=8, lexical_dim=10, missing=0.05, seed=3
)


@pytest.fixture(scope="session")
def small_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic corpus of 240 turns with few dims; read only."""
    folder = tmp_path_factory.mktemp("corpus") / "raw"
    write_corpus(folder, SMALL, silent)
    return folder


@pytest.fixture(scope="session")
def _ingested(small_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "memr.h5"
    ingest(small_raw, path, IngestSettings(), silent)
    return path


@pytest.fixture
def small_store(_ingested: Path, tmp_path: Path) -> Path:
    """The small corpus's store, alone in a folder of its own."""
    return Path(shutil.copy(_ingested, tmp_path / "memr.h5"))


@pytest.fixture
def closed_zips(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes every zip that a test opens; what collects one later would blame another test."""
    made: list[ZipSource] = []
    begin = ZipSource.__init__

    def begun(self: ZipSource, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(ZipSource, "__init__", begun)
    yield
    for one in made:
        one.close()


@pytest.fixture
def reseal() -> Callable[[Path], None]:
    """Makes the checksums of a store that was changed by hand right again."""
    return _resealed


def _resealed(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        entries: dict[str, Entry] = {}

        def seal(name: str, member: Any) -> None:
            if isinstance(member, h5py.Dataset):
                content = ContentHash()
                content.add(member[()])
                member.attrs["sha256"] = content.hexdigest()
                kind = kind_of(member.id.get_type())
                entries[name] = Entry(kind, member.shape, content.hexdigest())

        file.visititems(seal)
        classes, synthetic = list(file.attrs["class_names"]), bool(file.attrs["synthetic"])
        file.attrs["fingerprint"] = fingerprint(classes, synthetic, entries)


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The objects on stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


@pytest.fixture
def memr(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run the command line in this process: `memr("evaluate", "--method", "late")`."""
    from memr_cli.app import app

    monkeypatch.delenv("MEMR_STORE", raising=False)
    monkeypatch.delenv("MEMR_OUT", raising=False)

    def run(*arguments: str | Path) -> Ran:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run
