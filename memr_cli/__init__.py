"""Multimodal emotion recognition from pre-extracted features, compared honestly.

`from memr_cli import ingest, evaluate, compare` and so on: see `memr_cli.api`, which is loaded when
one of its functions is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memr_cli.api import (
        ablate,
        audit,
        compare,
        evaluate,
        fuse,
        info,
        ingest,
        report,
        train,
    )

__version__ = "0.1.0"

__all__ = [
    "ablate",
    "audit",
    "compare",
    "evaluate",
    "fuse",
    "info",
    "ingest",
    "report",
    "train",
]


def __getattr__(name: str) -> Any:
    """Load the Python interface when one of its functions is asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from memr_cli import api

    return getattr(api, name)
