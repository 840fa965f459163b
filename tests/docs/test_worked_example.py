"""The package that docs/plugins.md shows, installed and used by the command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from page_blocks import blocks

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"`(\w+\.\w+)`:?$")


def shown_files() -> dict[str, str]:
    """The blocks of the page by the file name that ends the line above each."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    named = {FILE.search(block.above): block.text for block in blocks(page)}
    return {name[1]: text for name, text in named.items() if name is not None}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the package into, built from what the page shows alone."""
    folder = tmp_path_factory.mktemp("example")
    source, site = folder / "memr-linear", folder / "site"
    source.mkdir()
    for name, text in shown_files().items():
        (source / name).write_text(text, encoding="utf-8")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", *offline, "--target", site, source],
        check=True,
    )
    return site


def evaluated(site: Path, *arguments: str | Path) -> dict[str, Any]:
    """What `memr evaluate` prints where the package is installed."""
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-m", "memr_cli", "evaluate", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    result: dict[str, Any] = json.loads(ran.stdout)
    return result


def test_the_page_shows_a_whole_package() -> None:
    assert set(shown_files()) == {"pyproject.toml", "memr_linear.py"}


def test_the_package_of_the_page_adds_a_method(installed: Path, small_store: Path) -> None:
    result = evaluated(installed, "--method", "linear", "--folds", "2", "--store", small_store)
    package = result["settings"]["package"]
    assert (package["name"], package["version"]) == ("memr-linear", "1.0")
    assert "scikit-learn" in package["requires"]
    # Far above the chance of four classes: what it learned comes back from its arrays.
    assert result["metrics"]["accuracy"]["mean"] > 0.4
