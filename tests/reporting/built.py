"""Building a report as the command does: the result as the JSON that it prints."""

import json
from typing import Any

import msgspec

from memr_cli.reporting import report
from memr_cli.reporting.rows import shown as as_shown
from memr_cli.results.report import Row
from memr_cli.results.schema import to_json


def build(*args: Any, **options: Any) -> dict[str, Any]:
    """The object of `memr report`, from the arguments of `report.build`."""
    found: dict[str, Any] = json.loads(
        json.dumps(to_json(report.build(*args, **options)), allow_nan=False)
    )
    return found


def shown(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows of a report's object as a terminal shows them."""
    return as_shown(msgspec.convert(rows, tuple[Row, ...]))
