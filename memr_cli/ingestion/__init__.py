"""Ingest a raw corpus into a store, and describe a store."""

from memr_cli.ingestion.description import describe
from memr_cli.ingestion.run import ingest
from memr_cli.ingestion.settings import IngestSettings, OnProblem

__all__ = ["IngestSettings", "OnProblem", "describe", "ingest"]
