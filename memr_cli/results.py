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
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memr_cli.errors import InputError, UnsupportedError
from store.atomic import remove_leftovers, write_whole

SCHEMA = "memr.evaluate/1"
NEEDED = ("store", "fingerprint", "method", "key", "hashes")
"""What later runs rely on in a metrics file; without it the file is as good as none."""

KEY_COLUMNS = ("utterance", "speaker", "fold", "seed", "true", "predicted")
SHARE, WEIGHT = "p_", "w_"
"""Begin the columns of classes and of modalities."""


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

    def lock(self, protocol: str, method: str) -> Path:
        """The file that a process holds while it makes models or results of a method."""
        return self.root / "checkpoints" / protocol / f".{method}.lock"

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

        Last come `w_<modality>` where modalities are weighed.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        names = self.class_names
        weighed = [f"{WEIGHT}{name}" for name in self.modalities]
        writer.writerow([*KEY_COLUMNS, *(f"{SHARE}{name}" for name in names), *weighed])
        numbers = [*self.probabilities.T, *(() if self.weights is None else self.weights.T)]
        columns = zip(
            self.utterances,
            self.speakers,
            self.fold.tolist(),
            self.seed.tolist(),
            (names[code] for code in self.true),
            (names[code] for code in self.predicted),
            # 9 significant digits hold a float32 exactly.
            *([f"{value:.9g}" for value in column] for column in numbers),
            strict=True,
        )
        writer.writerows(columns)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.getvalue().encode())

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read a predictions file. Raises InputError where it is not one."""
        try:
            with path.open(encoding="utf-8", newline="") as file:
                header, *rows = list(csv.reader(file))
            return cls._from_rows(header, rows)
        except (ValueError, IndexError, KeyError, csv.Error) as error:
            raise InputError(
                f"{path} is not a predictions file of memr ({error}); "
                "delete it and run `memr evaluate` again."
            ) from error

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
        utterances, speakers, fold, seed, true, predicted, *numbers = zip(*rows, strict=True)
        values = np.array(numbers, dtype=np.float64).T
        return cls(
            utterances=utterances,
            speakers=speakers,
            fold=np.array(fold, dtype=np.int64),
            seed=np.array(seed, dtype=np.int64),
            true=np.array([codes[name] for name in true]),
            predicted=np.array([codes[name] for name in predicted]),
            probabilities=values[:, : len(names)],
            class_names=names,
            modalities=weighed,
            weights=values[:, len(names) :] if weighed else None,
        )


def hashes(folder: ResultFolder, names: Iterable[str]) -> dict[str, str]:
    """Hash of the bytes of each file that is there, by its name in the folder; each read once."""
    there = [name for name in dict.fromkeys(names) if (folder.root / name).is_file()]
    return {name: digest(folder.root / name) for name in there}


def no_longer_scored(
    folder: ResultFolder, protocol: str, method: str, vouched: Mapping[str, str]
) -> Path | None:
    """The first file that is not the one that was scored; a checkpoint may be gone.

    vouched: hashes of the files that a method's metrics were made from, by name in the folder.
    """
    predictions = folder.predictions(protocol, method)
    if folder.relative(predictions) not in vouched or not predictions.is_file():
        return predictions
    for name, expected in vouched.items():
        path = folder.root / name
        if path.is_file() and digest(path) != expected:
            return path
    return None


def digest(path: Path) -> str:
    """Hash of a file's bytes, as the metrics files hold it."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


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
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("schema") != schema:
        return None
    said = {name: part for name, part in value.items() if name != "digest"}
    edited = "digest" in value and value["digest"] != hash_of(said)
    return value if all(name in value for name in needed) and not edited else None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def owner(path: Path, schema: str) -> str | None:
    """The store that the JSON object in a file was made from, None where it does not say."""
    store = (read_object(path, schema, ["store"]) or {}).get("store")
    return store if isinstance(store, str) else None


def prepare_folder(root: Path) -> None:
    """Make sure, before any work, that results may be written below `root`.

    Raises PermissionError where it is read-only, OSError where it cannot be made.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not os.access(root, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root))


def refuse_another_stores(path: Path, owner: str | None, store: Path) -> None:
    """Raise UnsupportedError if `path` holds a result of a store of another name."""
    if owner is not None and Path(owner).name != store.name:
        raise UnsupportedError(
            f"{path} belongs to the store {Path(owner).name}, not to {store.name}, and is not "
            "replaced. Give this store's results a folder of their own with --out DIR."
        )
