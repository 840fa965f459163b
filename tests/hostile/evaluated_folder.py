"""A small store with everything that memr writes about it, and how its files are forged.

Whoever changes a file can change its hashes too: nothing here is told from memr's own by a hash.
"""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sandbox
from safetensors.numpy import save

# What runs need, loaded once so that forks have it.
import memr_cli.ablation.ablate
import memr_cli.comparison.compare
import memr_cli.experiment.evaluate
import memr_cli.learning.training  # noqa: F401
from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.learning.checkpoints import _digest
from memr_cli.progress import silent
from memr_cli.results.hashes import digest
from memr_cli.results.schema import hash_of

_MEMORY = "/dev/shm"  # noqa: S108 - everything goes into a folder of its own there
PROTOCOL = "speaker"
TRAINED = ("--epochs", "1", "--folds", "2")
LEXICAL = ("evaluate", "--method", "lexical", *TRAINED)
BOTH = (*LEXICAL, "--method", "early")
COMPARE = ("compare", "lexical", "early")
ABLATE = ("ablate", "early", *TRAINED)
AUDIT = ("audit", "--folds", "2")
METRICS = f"metrics/{PROTOCOL}/lexical.json"
ABLATION = f"ablations/{PROTOCOL}/early.json"
PREDICTIONS = f"predictions/{PROTOCOL}/lexical.csv"
CHECKPOINT = f"checkpoints/{PROTOCOL}/lexical/seed0/fold0.safetensors"
STUDIES = {
    "comparison": (f"comparisons/{PROTOCOL}/early+lexical.json", COMPARE),
    "ablation": (ABLATION, ABLATE),
    "audit": (f"audits/{PROTOCOL}.json", AUDIT),
}
SETTINGS = SyntheticSettings(
    utterances=60, frames=2, visual_dim=3, acoustic_dim=2, lexical_dim=4, missing=0.0, seed=5
)


@cache
def _template() -> Path:
    """The folder that copies are made of, in memory where that is possible: two results."""
    base = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="memr-", dir=base))
    write_corpus(folder / "raw", SETTINGS, silent)
    place = ("--store", folder / "memr.h5")
    for command in (("ingest", folder / "raw"), BOTH):
        sandbox.survives(*command, *place)
    shutil.rmtree(folder / "raw")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _study(kind: str) -> Path:
    """The template, once it has a comparison, an ablation or an audit too."""
    sandbox.survives(*STUDIES[kind][1], "--store", _template() / "memr.h5")
    return _template()


@contextmanager
def copied(*kinds: str) -> Iterator[Path]:
    """A copy of the store, of all results and of these kinds of STUDIES, gone at the end."""
    template = _template()
    for kind in kinds:
        _study(kind)
    with tempfile.TemporaryDirectory(dir=template.parent) as name:
        folder = Path(name, "out")
        shutil.copytree(template, folder)
        yield folder


@contextmanager
def copied_file(name: str) -> Iterator[Path]:
    """A copy of one file of the template, in a folder of its own, gone at the end."""
    with tempfile.TemporaryDirectory(dir=_template().parent) as folder:
        path = Path(folder, name)
        path.parent.mkdir(parents=True)
        sandbox.tried += 1
        yield Path(shutil.copy(_template() / name, path))


def run(folder: Path, *arguments: str | Path) -> sandbox.Ended:
    """Run a command on the store of a copy; nothing beside its folder may change."""
    with sandbox.nothing_else_changed(folder.parent, folder):
        return sandbox.survives(*arguments, "--store", folder / "memr.h5")


def read(path: Path) -> Any:
    """The JSON value in a file."""
    return json.loads(path.read_text())


def write(path: Path, value: Any) -> None:
    """Write a changed JSON value, with a hash of what it now says where it had one."""
    if isinstance(value, dict) and "digest" in value:
        said = {name: part for name, part in value.items() if name != "digest"}
        value = {**said, "digest": hash_of(said)}
    path.write_text(json.dumps(value))


def change(path: Path, edit: Callable[[Any], Any]) -> None:
    """Apply `edit`, which changes a value in place, to the value in a file."""
    value = read(path)
    edit(value)
    write(path, value)


def vouch(folder: Path, name: str) -> None:
    """Have the metrics vouch for a file of this name as it is now."""
    change(folder / METRICS, lambda value: value["hashes"].update({name: digest(folder / name)}))


def forge(path: Path, arrays: Any, facts: dict[str, Any], *, header: bytes | None = None) -> None:
    """Write a checkpoint with these arrays and facts, its own hash of the arrays right."""
    content = save(dict(arrays), {"memr": json.dumps({**facts, "arrays": _digest(arrays)})})
    if header is not None:
        size = int.from_bytes(content[:8], "little")
        content = len(header).to_bytes(8, "little") + header + content[8 + size :]
    path.write_bytes(content)
