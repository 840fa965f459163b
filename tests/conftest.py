"""What several test folders share: a small synthetic corpus, its store, the command line."""

import contextlib
import csv
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
from store.hdf5 import write_attribute
from store.integrity import ContentHash, Entry, fingerprint
from store.schema import kind_of

SMALL = SyntheticSettings(
    utterances=240, frames=4, visual_dim=12, acoustic_dim=8, lexical_dim=10, missing=0.05, seed=3
)
EPOCHS = 3


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
def edited_store(small_raw: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a store of the small corpus whose listing was edited: `edited_store(edit, "name")`.

    edit: changes the rows of the listing, dictionaries by column, in place. The raw corpus is
    `raw` beside the store, in a folder of that name.
    """

    def make(edit: Callable[[list[dict[str, str]]], Any], name: str = "edited") -> Path:
        raw = shutil.copytree(small_raw, tmp_path / name / "raw")
        with (raw / "dataset.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        edit(rows)
        with (raw / "dataset.csv").open("w", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        ingest(raw, tmp_path / name / "memr.h5", IngestSettings(), silent)
        return tmp_path / name / "memr.h5"

    return make


@pytest.fixture(scope="session")
def _evaluated(_ingested: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from memr_cli.app import app

    folder = tmp_path_factory.mktemp("evaluated")
    shutil.copy(_ingested, folder / "memr.h5")
    with contextlib.chdir(folder):  # paths in results are relative, and hold in a copy
        ran = CliRunner().invoke(app, ["evaluate", "--epochs", str(EPOCHS)])
    assert ran.exit_code == 0, ran.stderr
    return folder


@pytest.fixture
def evaluated_store(_evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small corpus's store with results of the published methods, trained for EPOCHS.

    Its folder is the current one; all paths in its results are relative.
    """
    monkeypatch.chdir(shutil.copytree(_evaluated, tmp_path / "evaluated"))
    return Path("memr.h5")


@pytest.fixture
def untrainable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every use of models fail, whether they are there or would be trained."""
    import memr_cli.experiment.models as models

    def refuse(*_: object) -> None:
        raise AssertionError("models were asked for")

    monkeypatch.setattr(models, "ensure_models", refuse)


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
                write_attribute(member, "sha256", content.hexdigest())
                kind = kind_of(member.id.get_type())
                entries[name] = Entry(kind, member.shape, content.hexdigest())

        file.visititems(seal)
        mark = fingerprint(bool(file.attrs["synthetic"]), entries)
        write_attribute(file, "fingerprint", mark)


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
