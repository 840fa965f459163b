"""The largest file of a raw corpus, and the option `--max-file-size` that sets it."""

import re

from memr_cli.errors import UsageError

MAX_FILE_BYTES = 2**31
"""A file is read whole; a larger one is taken for a mistake or an attack."""

MAX_FILE_SIZE = "2G"
"""The same, as people write it."""

_SIZE = re.compile(r"([0-9]{1,15})([KMGT]?)B?", re.ASCII | re.IGNORECASE)
_UNITS = ("", "K", "M", "G", "T")


def in_bytes(text: str) -> int:
    """Return the bytes that a value of `--max-file-size` allows; a unit is 1024 of the one before.

    Raises UsageError for a text that is no size.

    >>> in_bytes("500M")
    524288000
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * 1024 ** _UNITS.index(match[2].upper()) if match else 0
    if not size:
        raise UsageError(
            f"--max-file-size is {text[:40]!r}; give a number of bytes from 1 up, or a size as "
            "64K, 500M, 2G or 1T"
        )
    return size


def in_words(size: int) -> str:
    """Return a size in the largest unit that expresses it exactly.

    >>> in_words(3 * 2**20), in_words(1000)
    ('3M', '1000')
    """
    power = 0
    while power + 1 < len(_UNITS) and size and size % 1024 == 0:
        size, power = size // 1024, power + 1
    return f"{size}{_UNITS[power]}"


def too_large(size: int, limit: int) -> str:
    """Return a clause about a file of too many bytes, whose subject is its path."""
    return (
        f"is {size} bytes long, more than the {in_words(limit)} that --max-file-size allows one "
        "file to be"
    )
