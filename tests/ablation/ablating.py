"""What tests of ablation share: how they call memr."""

from collections.abc import Callable
from typing import Any

Run = Callable[..., Any]
Results = dict[str, dict[str, Any]]
METRICS = ("accuracy", "uar", "f1_macro", "f1_weighted")
QUICK = (
    *("--protocol", "session", "--epochs", "6", "--hidden", "16"),
    *("--learning-rate", "0.02", "--weight-decay", "0.1"),
)
