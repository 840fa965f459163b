"""What an evaluation leaves in the output folder: where each file lies, how it is read and written.

    checkpoints/<protocol>/<method>/seed<s>/fold<k>.safetensors
    predictions/<protocol>/<method>.csv
    metrics/<protocol>/<method>.json     written last, holds the hashes of the other two

Every file is written whole or not at all. Letters: n scored rows (one per tested utterance and
run: a seed, or all that are averaged), C classes, G modalities.
"""

import csv
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli import spreadsheet
from memr_cli.errors import InputError, SystemRefusedError, UnsupportedError
from memr_cli.plain_files import PlainFileError, content, is_there, opened
from memr_cli.shapes import each, fits
from memr_cli.strict_json import decode
from store.atomic import remove_leftovers, write_whole

SCHEMA = "memr.evaluate/1"
NEEDED = ("store", "fingerprint", "method", "key", "hashes")
"""What later runs rely on in a metrics file; without it the file is as good as none."""

_SHARED = {"store": str, "fingerprint": str, "method": str, "key": str, "hashes": each(str)}
"""What these are, in whichever file has them."""

_SIZES = {"json": 2**26, "csv": 2**29, "safetensors": 2**31}
"""Bytes of the largest file of each kind that is read back, far above what memr writes."""

_VOUCHED = re.compile(r"(predictions|checkpoints)(/[^/.\\:\0][^/\\:\0]*)+\.(csv|safetensors)")
"""The names of the files that a metrics file can vouch for: nothing outside of the folder."""

MOST_SEEDS = 10_000
"""No result is read that says it has more."""

KEY_COLUMNS = ("utterance", "speaker", "fold", "seed", "true", "predicted")
SHARE, WEIGHT = "p_", "w_"
"""Begin the columns of classes and of modalities."""

_SURE = 1 + 1e-6
"""No probability and no weight is larger, but for rounding."""


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

    def files(self, protocol: str, method: str, vouched: Iterable[str]) -> dict[str, Any]:
        """Where a result lies, given the names of the files that its metrics vouch for."""
        predictions = self.predictions(protocol, method)
        return {
            "metrics": str(self.metrics(protocol, method)),
            "predictions": str(predictions),
            "checkpoints": [
                str(self.root / name) for name in vouched if name != self.relative(predictions)
            ],
        }

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


@dataclass(frozen=True)
class Predictions:
    """What was predicted for every tested utterance and seed, by the one fold that tested it.

    fold, seed, true, predicted: (n,) integers, the last two are class indices; where seeds are
    averaged, `seed` is their first. probabilities: (n, C) in the order of `class_names`; for a
    vote, the shares of votes. weights: (n, G) in the order of `modalities`, of a method that weighs
    them, else None.
    """

    utterances: tuple[str, ...]
    speakers: tuple[str, ...]
    fold: NDArray[np.int64]
    seed: NDArray[np.int64]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    class_names: tuple[str, ...]
    modalities: tuple[str, ...] = ()
    weights: NDArray[np.float64] | None = None

    def write(self, path: Path) -> None:
        """Write one CSV row per scored row: the key columns, then `p_<class>` for every class.

        Last come `w_<modality>` where modalities are weighed. Text that a spreadsheet would take
        for a formula is written as `spreadsheet` says, which `read` undoes.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, spreadsheet.written(self._lines()).encode())

    def _lines(self) -> Iterator[Sequence[str]]:
        names = self.class_names
        shown = [*(f"{SHARE}{name}" for name in names), *(f"{WEIGHT}{n}" for n in self.modalities)]
        yield [*KEY_COLUMNS, *map(spreadsheet.as_cell, shown)]
        classes = list(map(spreadsheet.as_cell, names))
        speakers = {name: spreadsheet.as_cell(name) for name in set(self.speakers)}
        numbers = [*self.probabilities.T, *(() if self.weights is None else self.weights.T)]
        yield from zip(
            map(spreadsheet.as_cell, self.utterances),
            (speakers[name] for name in self.speakers),
            map(str, self.fold.tolist()),
            map(str, self.seed.tolist()),
            (classes[code] for code in self.true),
            (classes[code] for code in self.predicted),
            # 9 significant digits hold a float32 exactly.
            *([f"{value:.9g}" for value in column] for column in numbers),
            strict=True,
        )

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read a predictions file. Raises InputError where it is not one."""
        try:
            text = content(path, _SIZES["csv"]).decode("utf-8")
            header, *rows = spreadsheet.read_rows(text)
            return cls._from_rows([*map(spreadsheet.from_cell, header)], rows)
        except (ValueError, IndexError, KeyError, csv.Error, OverflowError) as error:
            reason = f"it has no column for {error}" if isinstance(error, KeyError) else str(error)
        except (FileNotFoundError, PlainFileError) as error:
            reason = "it is gone" if isinstance(error, FileNotFoundError) else str(error)
        raise InputError(
            f"{path} is not a predictions file of memr ({reason}); "
            "delete it and run `memr evaluate` again."
        )

    @classmethod
    def _from_rows(cls, header: list[str], rows: list[list[str]]) -> "Predictions":
        if tuple(header[: len(KEY_COLUMNS)]) != KEY_COLUMNS:
            raise ValueError(f"its columns are {', '.join(header)}")
        told = header[len(KEY_COLUMNS) :]
        names = tuple(column.removeprefix(SHARE) for column in told if column.startswith(SHARE))
        weighed = tuple(column.removeprefix(WEIGHT) for column in told[len(names) :])
        if told != [
            *(f"{SHARE}{name}" for name in names),
            *(f"{WEIGHT}{name}" for name in weighed),
        ]:
            raise ValueError(f"its columns are {', '.join(header)}")
        codes = {name: code for code, name in enumerate(names)}
        if len(codes) < len(names) or not names:
            raise ValueError("its columns do not name each class once")
        utterances, speakers, fold, seed, true, predicted, *numbers = zip(*rows, strict=True)
        values = np.array(numbers, dtype=np.float64).T
        if not ((values >= 0) & (values <= _SURE)).all():
            raise ValueError("it has a number that is no probability or weight")
        return cls(
            utterances=tuple(map(spreadsheet.from_cell, utterances)),
            speakers=tuple(map(spreadsheet.from_cell, speakers)),
            fold=np.array(fold, dtype=np.int64),
            seed=np.array(seed, dtype=np.int64),
            true=np.array([codes[spreadsheet.from_cell(name)] for name in true]),
            predicted=np.array([codes[spreadsheet.from_cell(name)] for name in predicted]),
            probabilities=values[:, : len(names)],
            class_names=names,
            modalities=weighed,
            weights=values[:, len(names) :] if weighed else None,
        )


def hashes(folder: ResultFolder, names: Iterable[str]) -> dict[str, str]:
    """Hash of the bytes of each file that is there, by its name in the folder; each read once.

    A name that no file of memr's has is not looked at, whatever lies there.
    """
    there = [name for name in dict.fromkeys(names) if _is_there(folder, name)]
    return {name: digest(folder.root / name) for name in there}


def _is_there(folder: ResultFolder, name: str) -> bool:
    return bool(_VOUCHED.fullmatch(name)) and is_there(folder.root / name)


def no_longer_scored(
    folder: ResultFolder, protocol: str, method: str, vouched: Mapping[str, str]
) -> Path | None:
    """The first file that is not the one that was scored; a checkpoint may be gone.

    vouched: hashes of the files that a method's metrics were made from, by name in the folder. A
    name that no file of memr's has is one, and is not looked at.
    """
    predictions = folder.predictions(protocol, method)
    if folder.relative(predictions) not in vouched or not is_there(predictions):
        return predictions
    for name, expected in vouched.items():
        path = folder.root / name
        if not _VOUCHED.fullmatch(name):
            return path
        if is_there(path) and digest(path) != expected:
            return path
    return None


def digest(path: Path) -> str:
    """Hash of a file's bytes, as the metrics files hold it; of one that is too large, its size.

    Raises FileNotFoundError where it is gone, OSError where the system refuses.
    """
    kind = path.suffix.removeprefix(".")
    try:
        with opened(path, _SIZES.get(kind, max(_SIZES.values()))) as (file, _):
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except PlainFileError as error:
        return str(error)


def hash_of(value: Any) -> str:
    """Hash of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, allow_nan=False, sort_keys=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write an evaluation's object, the part that later runs and reports read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metrics, allow_nan=False, indent=1) + "\n"
    write_whole(path, text.encode())


def read_metrics(path: Path) -> dict[str, Any] | None:
    """The object in a metrics file, or None where there is no file or it is not one of ours."""
    return read_object(path, SCHEMA, NEEDED)


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """The object with a hash of all it says, by which one that was edited is told."""
    return {**value, "digest": hash_of(value)}


def read_object(path: Path, schema: str, needed: Iterable[str]) -> dict[str, Any] | None:
    """The JSON object in a file.

    None where there is none of this schema with what is needed, or it says other than when it was
    sealed.
    """
    try:
        return told(path, schema, needed)
    except (FileNotFoundError, ValueError):
        return None


def told(path: Path, schema: str, needed: Iterable[str]) -> dict[str, Any]:
    """The JSON object in a file.

    Raises FileNotFoundError where there is none, ValueError where it is none of this schema with
    what is needed, or says other than when it was sealed, OSError where the system refuses.
    """
    try:
        value = decode(content(path, _SIZES["json"]))
    except PlainFileError as error:
        raise ValueError(str(error)) from error
    if not isinstance(value, dict) or value.get("schema") != schema:
        what = "an evaluation" if schema == SCHEMA else schema
        raise ValueError(f"it is no JSON object of {what}")
    for name in needed:
        if not fits(value.get(name), _SHARED.get(name, _present)):
            wrong = "missing" if value.get(name) is None else "not as memr writes it"
            raise ValueError(f"its field {name} is {wrong}")
    said = {name: part for name, part in value.items() if name != "digest"}
    if "digest" in value and value["digest"] != hash_of(said):
        raise ValueError("it was changed after memr wrote it")
    return value


def _present(value: Any) -> bool:
    return value is not None


def owner(path: Path, schema: str) -> str | None:
    """The store that the JSON object in a file was made from, None where it does not say."""
    return (read_object(path, schema, ["store"]) or {}).get("store")


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
