"""The program `memr`, also as `python -m memr_cli`."""

import os
import sys

from memr_cli.interrupts import leave_on_interrupt


def main() -> None:
    """Run `memr`."""
    leave_on_interrupt()
    _fill_closed_streams()
    from memr_cli.app import main as run  # most of what start-up takes

    run()


def _fill_closed_streams() -> None:
    """Open nothing in place of standard streams that are closed.

    The next file to be opened would take their place, and what a library says of an error would be
    written into it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:  # messages would turn to stdout
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - for as long as memr runs


if __name__ == "__main__":
    main()
