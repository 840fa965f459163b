"""What tests of ablation share: how they call memr, and copies of an ablated folder."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
Results = dict[str, dict[str, Any]]
QUICK = (
    *("--protocol", "session", "--epochs", "6", "--hidden", "16"),
    *("--learning-rate", "0.02", "--weight-decay", "0.1"),
)


def copied(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "copy")
    return tmp_path / "copy" / "memr.h5"
