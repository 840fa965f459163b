"""Packages that add methods, laid out as an installer leaves them."""

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memr_cli.methods.plugins import entry_points

Install = Callable[..., Path]

MEANS = """
import numpy as np

class Means:
    summary = "the class whose mean is nearest"

    def fit(self, X, y, *, n_classes, seed, validation):
        self.means = np.stack([X.matrix[y == label].mean(axis=0) for label in range(n_classes)])
        self.n = len(y)

    def predict_proba(self, X):
        distances = ((X.matrix[:, None] - self.means) ** 2).mean(axis=2)
        shares = np.exp(-distances)
        return shares / shares.sum(axis=1, keepdims=True)

    def to_arrays(self):
        return {"means": self.means, "n": self.n}

    @classmethod
    def from_arrays(cls, arrays):
        made = cls()
        made.means, made.n = arrays["means"], int(arrays["n"])
        return made
"""
"""A module whose class Means is a whole method."""


def forget() -> None:
    """Have entry points looked at anew."""
    entry_points.offered.cache_clear()
    entry_points.load.cache_clear()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package of one module: `install("nearest = my_means:Means", MEANS)`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    modules = set()

    def installed(
        points: str, source: str = MEANS, package: str = "my-means", version: str = "1.0"
    ) -> Path:
        name = package.replace("-", "_")
        for old in site.glob(f"{name}-*.dist-info"):
            shutil.rmtree(old)
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        (folder / "METADATA").write_text(metadata)
        listed = textwrap.dedent(points).strip()
        (folder / "entry_points.txt").write_text(f"[memr.methods]\n{listed}\n")
        module = site / f"{name}.py"
        module.write_text(source)
        modules.add(name)
        sys.modules.pop(name, None)
        for path in site.glob("__pycache__/*"):
            path.unlink()  # a source of the same size and second would not be read anew
        forget()
        return module

    forget()
    yield installed
    for name in modules:
        sys.modules.pop(name, None)
    forget()
