"""A few rounds of what `make kills` does many of."""

import signal
from pathlib import Path

import pytest
from kill_rounds import RACES, race


@pytest.mark.parametrize(
    ("place", "sent"), [(0, signal.SIGKILL), (1, signal.SIGINT), (2, signal.SIGKILL)]
)
def test_a_command_that_is_killed_loses_nothing(
    tmp_path: Path, place: int, sent: signal.Signals
) -> None:
    ran = race(RACES[place], 2, 7, tmp_path, lambda _: None, sent)
    assert ran.unfinished
