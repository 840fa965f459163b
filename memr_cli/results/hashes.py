"""Hashes that tie a result to the files and settings that it was made from."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from memr_cli.files.plain import PlainFileError, is_there, opened
from memr_cli.results.folder import ResultFolder

SIZES = {"json": 2**26, "csv": 2**29, "safetensors": 2**31}
"""Bytes of the largest file of each kind that is read back, far above what memr writes."""

_VOUCHED = re.compile(r"(predictions|checkpoints)(/[^/.\\:\0][^/\\:\0]*)+\.(csv|safetensors)")
"""The names of the files that a metrics file can vouch for: nothing outside of the folder."""


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
        with opened(path, SIZES.get(kind, max(SIZES.values()))) as (file, _):
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
    except PlainFileError as error:
        return str(error)
