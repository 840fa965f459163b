"""A corpus of forty turns with a few dims, and its store."""

from pathlib import Path

from memr_cli.corpora.synthetic.settings import SyntheticSettings
from memr_cli.corpora.synthetic.writer import write_corpus
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent

SMALL = SyntheticSettings(
    utterances=40, frames=3, visual_dim=4, acoustic_dim=3, lexical_dim=3, missing=0.1
)


def make_raw(folder: Path) -> Path:
    """The corpus as the layout `coursework`, in a new folder."""
    write_corpus(folder, SMALL, silent)
    return folder


def make_store(raw: Path, path: Path, sequences: bool) -> Path:
    """The corpus ingested."""
    ingest(raw, path, IngestSettings(sequences=sequences), silent)
    return path
