"""At the end of a hunt, how many inputs were tried."""

import pytest
import sandbox


@pytest.hookimpl
def pytest_sessionfinish() -> None:
    """Leave the count of this process where the others' counts are, if that is asked for."""
    sandbox.leave_count()
