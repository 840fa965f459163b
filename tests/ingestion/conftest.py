"""The tests of ingestion use the small raw corpora of the tests of corpora."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "corpora"))
