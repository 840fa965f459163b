"""Data as messages quote it: on one line, printable, and cut where it is long."""

from collections.abc import Sequence

MOST_CHARACTERS = 80
MOST_NAMES = 12


def quote(text: str) -> str:
    r"""`text` in quotes, as Python writes it: nothing in it can move a cursor or forge a line.

    >>> print(quote("a\x1b[2J"))
    'a\x1b[2J'
    """
    return f"{text[:MOST_CHARACTERS]!r}{_rest(text)}"


def show(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""`text` as it is where it is short and printable, otherwise escaped and cut, without quotes.

    >>> print(show("F01"), show("F\u202e01"))
    F01 F\u202e01
    """
    start = text[:most]
    return (start if start.isprintable() else repr(start)[1:-1]) + _rest(text, most)


def enumerate_names(names: Sequence[str], *, quoted: bool = False) -> str:
    """Names one after the other; of many the first, and how many more there are."""
    listed = [(quote if quoted else show)(name) for name in names[:MOST_NAMES]]
    more = len(names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "")


def _rest(text: str, most: int = MOST_CHARACTERS) -> str:
    return f"… ({len(text)} characters)" if len(text) > most else ""
