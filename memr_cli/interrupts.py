"""What Ctrl-C does: until a command begins it ends the program, from then on it is an exception."""

import os
import signal

EXIT_CODE = 130
STDERR = 2


def leave_on_interrupt() -> None:
    """End the program at once; while modules load there is nothing to finish or to put back.

    An exception would surface in the middle of some library's import, as anything.
    """
    # A shell starts background jobs with interrupts ignored, and that stands.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def raise_on_interrupt() -> None:
    """Raise KeyboardInterrupt from now on, so that work can put things back."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def forget_interrupt() -> None:
    """Let the exit code stand after a KeyboardInterrupt that was handled.

    Python remembers one that passed through a text being executed, as dataclasses do when they are
    made, and would end by the signal instead. Executing any other text makes it forget.
    """
    exec("")  # noqa: S102


def _leave(*_: object) -> None:
    os.write(STDERR, b"memr: error: interrupted.\n")
    os._exit(EXIT_CODE)
