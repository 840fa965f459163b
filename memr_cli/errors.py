"""Errors that a user can act on, each with its exit code.

A message names the thing, says what was expected, and what to do next; the command line prints it
on stderr and exits with the code. Anything else that escapes is a fault of ours (exit 1).
"""


class MemrError(Exception):
    """Base of everything a user can act on. Raise a subclass."""

    exit_code = 1


class UsageError(MemrError):
    """The command line asks for something that does not exist or would have no effect."""

    exit_code = 2


class InputError(MemrError):
    """The raw data is not what its layout promises."""

    exit_code = 3


class StoreRefusedError(MemrError):
    """The store is missing, damaged, too new, not ours, or would be overwritten."""

    exit_code = 4


class UnsupportedError(MemrError):
    """This store does not support the protocol, method or combination that was asked for."""

    exit_code = 5


class MethodUnsupportedError(UnsupportedError):
    """One method cannot be used on this store under this protocol; others may."""


class SystemRefusedError(MemrError):
    """The system refused: disk full, permission, memory, a lock that does not free."""

    exit_code = 6
