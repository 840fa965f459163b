"""Ingesting as the command does: the result as the JSON that it prints."""

import json
from typing import Any

from memr_cli import ingestion
from memr_cli.results.schema import to_json


def ingest(*args: Any, **options: Any) -> dict[str, Any]:
    """The object of `memr ingest`, from the arguments of `ingestion.ingest`."""
    found: dict[str, Any] = json.loads(json.dumps(to_json(ingestion.ingest(*args, **options))))
    return found
