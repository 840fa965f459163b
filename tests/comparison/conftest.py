"""A store whose methods are made up."""

from pathlib import Path

import pytest
from made_methods import Corpus, corpus


@pytest.fixture
def made(small_store: Path) -> Corpus:
    return corpus(small_store)
