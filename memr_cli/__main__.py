"""The program `memr`, also as `python -m memr_cli`."""

import os

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


if __name__ == "__main__":
    main()
