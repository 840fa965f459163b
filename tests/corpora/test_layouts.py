"""The registry of layouts, with layouts of other packages."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memr_cli.corpora import registry
from memr_cli.errors import UsageError

Run = Any
Install = Callable[..., None]

MATRICES = '''
"""Corpora in one .npz file: ids, labels, and (N, D) features per modality."""

from functools import partial

import numpy as np

from memr_cli.corpora.corpus import Corpus, Utterance
from memr_cli.corpora.features import FeatureProblem, Found, Frames, Reason


class Rows:
    def __init__(self, arrays):
        self._arrays = arrays

    def find(self, path):
        name, row = path.split("/")
        if int(row) >= len(self._arrays[name]):
            raise FeatureProblem(Reason.MISSING_FILE, "has no such row")
        return Found(8, partial(self._frames, name, int(row)))

    def _frames(self, name, row):
        array = self._arrays[name][row : row + 1]
        return Frames(array, array.tobytes())

    def close(self):
        pass


class Matrices:
    name = "matrices"
    description = "one .npz file"
    source = "https://example.org"

    def recognises(self, raw):
        return raw.suffix == ".npz"

    def read(self, raw, class_names, max_file_size):
        arrays = dict(np.load(raw))
        ids, labels = arrays.pop("ids"), arrays.pop("labels")
        return Corpus(
            layout=self.name,
            utterances=tuple(
                Utterance(str(name), f"speaker{i % 2}", int(label), None, None, None, None,
                          {modality: f"{modality}/{i}" for modality in arrays})
                for i, (name, label) in enumerate(zip(ids, labels))
            ),
            class_names=tuple(class_names or ("no", "yes")),
            synthetic=False,
            source=Rows(arrays),
            modalities=tuple(arrays),
            listing=b"",
        )


layout = Matrices()
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a module that offers layouts: `install("mine", SOURCE, "name = mine:object")`."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    installed: list[str] = []

    def make(module: str, source: str, *points: str) -> None:
        folder = site / f"{module}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = "\n".join(points)
        (folder / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{lines}\n")
        (site / f"{module}.py").write_text(source)
        installed.append(module)

    yield make
    for module in installed:
        sys.modules.pop(module, None)


@pytest.fixture
def matrices(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.npz"
    names = [f"u{i}" for i in range(4)]
    np.savez(path, ids=names, labels=[0, 1, 0, 1], motion=np.arange(12.0).reshape(4, 3))
    return path


def test_a_layout_of_another_package_is_listed_recognised_and_ingested(
    memr: Run, install: Install, matrices: Path, tmp_path: Path
) -> None:
    install("my_layouts", MATRICES, "matrices = my_layouts:layout")
    listed = {line["name"]: line for line in memr("layouts").lines}
    assert list(listed) == ["coursework", "matrices"]
    assert listed["matrices"]["source"] == "https://example.org"
    for extra in ([], ["--layout", "matrices"]):
        store = tmp_path / f"{len(extra)}.h5"
        ran = memr("ingest", matrices, "--store", store, *extra)
        assert ran.code == 0, ran.stderr
        (result,) = ran.lines
        assert result["provenance"]["layout"] == "matrices"
        assert result["modalities"]["motion"]["dim"] == 3
        assert result["labels"] == {"no": 2, "yes": 2}
        assert result["problems"] == []


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import does_not_exist", "ModuleNotFoundError: No module named 'does_not_exist'"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("layout = None", "AttributeError"),
        (MATRICES + "\nlayout.description = 3", "description and source have to be text"),
        (MATRICES + "\nlayout.read = None", "recognises and read have to be functions"),
        (MATRICES.replace("return raw.suffix", "return raw.nonsense"), "no attribute 'nonsense'"),
    ],
    ids=["import", "exit", "none", "no text", "no function", "recognises fails"],
)
def test_a_broken_layout_is_skipped_with_a_notice_and_an_error_where_it_is_named(
    memr: Run, install: Install, tmp_path: Path, source: str, reason: str
) -> None:
    install("my_layouts", source, "matrices = my_layouts:layout")
    raw = tmp_path / "raw"
    raw.mkdir()
    skipped = memr("ingest", raw, "--store", tmp_path / "memr.h5")
    assert skipped.code == 3
    assert "layout matrices of another package (my_layouts:layout)" in skipped.stderr
    assert reason in skipped.stderr
    assert "holds no file dataset.csv" in skipped.stderr
    if "nonsense" not in source:
        named = memr("ingest", raw, "--layout", "matrices", "--store", tmp_path / "memr.h5")
        assert (named.code, named.stdout) == (5, "")
        assert reason in named.stderr
        listed = memr("layouts")
        assert [line["name"] for line in listed.lines] == ["coursework"]
        assert reason in listed.stderr


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("raise KeyError('ids')", 5, "KeyError: 'ids'"),
        ("return []", 5, "read returned no Corpus"),
        ("raise OSError(5, 'Input/output error')", 6, "Input/output error"),
        ("from memr_cli.errors import InputError; raise InputError('no ids')", 3, "no ids"),
    ],
)
def test_an_error_in_a_layout_of_another_package_has_an_exit_code(
    memr: Run, install: Install, matrices: Path, tmp_path: Path, body: str, code: int, message: str
) -> None:
    source = MATRICES.replace("arrays = dict(np.load(raw))", body)
    install("my_layouts", source, "matrices = my_layouts:layout")
    ran = memr("ingest", matrices, "--store", tmp_path / "memr.h5")
    assert (ran.code, ran.stdout) == (code, "")
    assert message in ran.stderr
    assert not (tmp_path / "memr.h5").exists()


def test_layouts_of_other_packages_are_loaded_only_when_needed(
    memr: Run, install: Install, small_raw: Path, tmp_path: Path
) -> None:
    install("my_layouts", "raise RuntimeError('loaded')", "matrices = my_layouts:layout")
    for extra in ([], ["--layout", "coursework"]):
        ran = memr("ingest", small_raw, "--store", tmp_path / "memr.h5", *extra)
        assert ran.code == 0, ran.stderr
        assert "loaded" not in ran.stderr


def test_an_installed_layout_does_not_replace_one_of_memr(
    install: Install, small_raw: Path
) -> None:
    install("my_layouts", MATRICES, "coursework = my_layouts:layout")
    assert registry.layouts()["coursework"] in registry.OWN
    assert registry.layout_of(small_raw, "coursework") in registry.OWN


def test_an_unknown_layout_is_a_usage_error_that_lists_the_known_ones(
    install: Install, small_raw: Path
) -> None:
    install("my_layouts", MATRICES, "matrices = my_layouts:layout")
    with pytest.raises(UsageError, match=r"no layout matrix; --layout takes coursework, matrices"):
        registry.layout_of(small_raw, "matrix")


def test_every_layout_has_texts_for_people() -> None:
    for layout in registry.OWN:
        assert layout.name == layout.name.lower()
        assert layout.description
        assert layout.source
