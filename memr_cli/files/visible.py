"""Text of any origin as it can be shown: nothing in it moves a cursor or turns a line around."""

import re
from collections.abc import Sequence
from typing import Any

MOST_CHARACTERS = 80
MOST_NAMES = 12

# Controls (ESC begins commands to a terminal), line and paragraph ends, what turns the direction
# of writing, halves of characters that no encoding has, and what XML does not allow.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def visible(text: str) -> str:
    """`text` with every such character replaced by its number in hexadecimal digits."""
    return _UNSEEN.sub(_number, text)


def printable(text: str) -> str:
    """`text` for a terminal: lines stay, and every other character that shows nothing is replaced.

    A space of another width becomes a plain one.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return " " if character.isspace() and character > "\x9f" else _escaped(character)


def visible_tree(value: Any) -> Any:
    """A JSON value with all its texts, keys among them, made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [visible_tree(part) for part in value]
    if isinstance(value, dict):
        return {visible(name): visible_tree(part) for name, part in value.items()}
    return value


def _number(found: re.Match[str]) -> str:
    return _escaped(found[0])


def _escaped(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str) -> str:
    r"""Return `text` in quotes for a message: on one line, printable, and cut where it is long.

    >>> print(quote("a\x1b[2J"))
    'a\x1b[2J'
    """
    return f"{text[:MOST_CHARACTERS]!r}{_rest(text)}"


def show(text: str, most: int = MOST_CHARACTERS) -> str:
    r"""Return `text` for a message as `quote` does, but without quotes.

    >>> print(show("F01"), show("F\u202e01"))
    F01 F\u202e01
    """
    start = text[:most]
    return (start if start.isprintable() else repr(start)[1:-1]) + _rest(text, most)


def enumerate_names(names: Sequence[str], *, quoted: bool = False) -> str:
    """Return names for a message, separated by commas: the first few, and how many more."""
    listed = [(quote if quoted else show)(name) for name in names[:MOST_NAMES]]
    more = len(names) - len(listed)
    return ", ".join(listed) + (f" and {more} more" if more else "")


def _rest(text: str, most: int = MOST_CHARACTERS) -> str:
    return f"… ({len(text)} characters)" if len(text) > most else ""
