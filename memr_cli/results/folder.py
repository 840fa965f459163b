"""The output folder: where each result lies, and whether it may be written.

    checkpoints/<protocol>/<method>/seed<s>/fold<k>.safetensors
    predictions/<protocol>/<method>.csv
    metrics/<protocol>/<method>.json     written last, holds the hashes of the other two

Every file is written whole or not at all.
"""

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from memr_cli.errors import SystemRefusedError, UnsupportedError
from memr_cli.results.evaluation import EvaluationFiles
from store.atomic import remove_leftovers


@dataclass(frozen=True)
class ResultFolder:
    """The `--out` folder; paths inside it follow from protocol, method, seed and fold."""

    root: Path

    def metrics(self, protocol: str, method: str) -> Path:
        """Where the metrics of a method under a protocol lie."""
        return self.root / "metrics" / protocol / f"{method}.json"

    def predictions(self, protocol: str, method: str) -> Path:
        """Where the per-utterance predictions of a method under a protocol lie."""
        return self.root / "predictions" / protocol / f"{method}.csv"

    def comparison(self, protocol: str, name: str) -> Path:
        """Where the comparison of methods under a protocol lies, whose names joined are `name`."""
        return self.root / "comparisons" / protocol / f"{name}.json"

    def ablation(self, protocol: str, method: str) -> Path:
        """Where the ablation of a method under a protocol lies."""
        return self.root / "ablations" / protocol / f"{method}.json"

    def checkpoint(self, protocol: str, method: str, seed: int, fold: int) -> Path:
        """Where the trained model of one seed and fold lies."""
        folder = self.root / "checkpoints" / protocol / method / f"seed{seed}"
        return folder / f"fold{fold}.safetensors"

    def all_checkpoints(self, protocol: str, method: str) -> Iterator[Path]:
        """Every checkpoint of a method under a protocol."""
        yield from sorted(self.root.glob(f"checkpoints/{protocol}/{method}/*/*.safetensors"))

    def locks(self, protocol: str) -> Path:
        """The folder of the files that `lock` names."""
        return self.root / "checkpoints" / protocol

    def lock(self, protocol: str, method: str) -> Path:
        """The file that a process holds while it makes models or results of a method."""
        return self.locks(protocol) / f".{method}.lock"

    def remove_leftovers(self, protocol: str, method: str) -> None:
        """Remove what killed processes left half written beside the checkpoints of a method."""
        for folder in self.root.glob(f"checkpoints/{protocol}/{method}/*/"):
            remove_leftovers(folder)

    def files(self, protocol: str, method: str, vouched: Iterable[str]) -> EvaluationFiles:
        """Return the paths of a result, given the names of the files that its metrics vouch for."""
        predictions = self.predictions(protocol, method)
        return EvaluationFiles(
            metrics=str(self.metrics(protocol, method)),
            predictions=str(predictions),
            checkpoints=tuple(
                str(self.root / name) for name in vouched if name != self.relative(predictions)
            ),
        )

    def audit(self, protocol: str) -> Path:
        """Where the audit of the store under a protocol lies."""
        return self.root / "audits" / f"{protocol}.json"

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.root / "report"

    @property
    def report_lock(self) -> Path:
        """The file that a process holds while it writes the report."""
        return self.root / ".report.lock"

    def relative(self, path: Path) -> str:
        """`path` as the metrics files name it: from this folder, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def all_metrics(self) -> Iterator[Path]:
        """Every metrics file, by protocol and method name."""
        yield from sorted(self.root.glob("metrics/*/*.json"))


def prepare_folder(root: Path) -> None:
    """Make sure, before any work, that results may be written below `root`.

    Raises PermissionError where it is read-only, OSError where it cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root))


def refuse_folder(path: Path) -> None:
    """Raise SystemRefusedError where a folder lies at `path`, which no file can replace."""
    if path.is_dir():
        raise SystemRefusedError(
            f"{path} is a folder, and memr has to write a file there. Move it away, or give "
            "results another folder with --out DIR."
        )


def refuse_another_stores(path: Path, owner: object, store: Path) -> None:
    """Raise UnsupportedError if `path` holds a result of a store of another name.

    owner: the path of its store as the file tells it; anything but a name of a file tells none.
    """
    if isinstance(owner, str) and Path(owner).name not in ("", store.name):
        raise UnsupportedError(
            f"{path} belongs to the store {Path(owner).name}, not to {store.name}, and is not "
            "replaced. Give this store's results a folder of their own with --out DIR."
        )
