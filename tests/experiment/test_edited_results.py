"""Results that somebody edited are not taken for what memr wrote."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("spoil", ["{", '{"schema": "memr.evaluate/1"}', "edited"])
def test_metrics_that_are_not_as_they_were_written_are_made_anew_and_that_is_said(
    memr: Run, small_store: Path, spoil: str
) -> None:
    call = ("evaluate", "--method", "lexical", "--store", small_store, "--epochs", "1")
    (first,) = memr(*call).lines
    path = Path(first["files"]["metrics"])
    if spoil == "edited":
        told = json.loads(path.read_text())
        told["metrics"]["accuracy"]["mean"] = 0.99
        spoil = json.dumps(told)
    path.write_text(spoil)
    ran = memr(*call)
    assert ran.lines[0]["metrics"] == first["metrics"]
    assert not ran.lines[0]["reused"]
    assert ran.stderr.count("lexical.json is replaced: it is not as memr wrote it") == 1
    assert memr(*call).lines[0]["reused"]
