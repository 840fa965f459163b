"""At the end of a hunt, how many inputs were tried."""

import pytest
import sandbox


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave the count of this process where the others' counts are, if that is asked for."""
    sandbox.leave_count()
