"""Small corpora in the layout `coursework`, for tests."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = (
    "file_name_list",
    "speakers",
    "visual_features",
    "acoustic_features",
    "lexical_features",
    "emotion_labels",
)


def npy(array: Any, allow_pickle: bool = False) -> bytes:
    """The bytes of an `.npy` file."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def npy_claiming(header: str, body: bytes = b"") -> bytes:
    """An `.npy` file of version 1 with a header of one's own."""
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def listing(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> str:
    """A csv of these rows; a column that a row lacks is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row(identity: str, speaker: str = "F01", label: Any = 0, **others: Any) -> dict[str, Any]:
    """One utterance; `visual`, `acoustic` and `lexical` are paths."""
    values = {"file_name_list": identity, "speakers": speaker, "emotion_labels": label}
    for name, value in others.items():
        is_modality = f"{name}_features" in COLUMNS
        values[f"{name}_features" if is_modality else name] = value
    return values


def write_raw(
    raw: Path,
    rows: Sequence[Mapping[str, Any]],
    files: Mapping[str, bytes],
    *,
    zipped: bool = False,
    columns: Sequence[str] = COLUMNS,
) -> Path:
    """A folder RAW with a listing and feature files, or features.zip, by path from RAW."""
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "dataset.csv").write_text(listing(rows, columns), encoding="utf-8", newline="")
    if zipped:
        with zipfile.ZipFile(raw / "features.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        return raw
    (raw / "features").mkdir(exist_ok=True)
    for path, content in files.items():
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / path).write_bytes(content)
    return raw
