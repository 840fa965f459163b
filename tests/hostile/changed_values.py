"""Values with one part replaced by something that was never there, and bytes that were changed."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

Place = tuple[str | int, ...]

RAW = {"@nan": "NaN", "@infinite": "-Infinity", "@huge": "1e400", "@digits": "9" * 5000}
"""Placeholders of texts that are not JSON, or that no number can hold."""
DEEP = "@deep"

REPLACEMENTS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 10**30),
    *(1e300, -1e300, 1e6, 1e-300, "", "x", "0", "..", "../..", "/etc/passwd", "a/b", "\x00", "\n"),
    *("\ud800", "\x1b[31m", "\u202e", "<script>alert(1)</script>", "$\\frac{", "=1+1", "é" * 3000),
    *([], [None], [[]], [1, 2], ["a", "a"], {}, {"": None}, {"a": {"mean": 1}}, {"visual": 1}),
    *("visual", "late", "speaker", *RAW, DEEP),
)


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Yield the path of every part of a value."""
    yield here
    if isinstance(value, dict):
        for name, part in value.items():
            yield from places(part, (*here, name))
    if isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*here, number))


def at(value: Any, place: Place) -> Any:
    """Return the part of a value at a path."""
    for step in place:
        value = value[step]
    return value


def replaced(value: Any, place: Place, new: Any) -> Any:
    """Return the value with another part at one path."""
    if not place:
        return new
    first, *rest = place
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[first] = replaced(value[first], tuple(rest), new)  # type: ignore[index,call-overload]
    return changed


def without(value: Any, place: Place) -> Any:
    """Return the value without the part at a path, which is not empty."""
    *above, last = place
    part = at(value, tuple(above))
    left = (
        {name: one for name, one in part.items() if name != last}
        if isinstance(part, dict)
        else [one for number, one in enumerate(part) if number != last]
    )
    return replaced(value, tuple(above), left)


def as_text(value: Any) -> str:
    """Return its JSON, with placeholders replaced by what is not JSON."""
    text = json.dumps(value)
    for sign, raw in RAW.items():
        text = text.replace(json.dumps(sign), raw)
    return text.replace(json.dumps(DEEP), "[" * 3000 + "]" * 3000)


MUTATION = st.tuples(
    st.sampled_from(["flip", "cut", "insert", "repeat", "overwrite"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=16),
)
INTERESTING = (b"\xff" * 8, b"\x00" * 8, (2**40).to_bytes(8, "little"), b'{"a":', b"[" * 16)


def mutated(content: bytes, mutations: Any) -> bytes:
    """Apply some MUTATIONs, half of which are near the beginning."""
    for how, share, noise in mutations:
        place = int(share * 2 * len(content)) if share < 0.5 else int((share - 0.5) * 2 * 600)
        place %= max(len(content), 1)
        length = len(noise)
        if how == "flip":
            part = bytes(
                a ^ b for a, b in zip(content[place : place + length], noise, strict=False)
            )
            content = content[:place] + part + content[place + length :]
        elif how == "cut":
            content = content[:place] + content[place + 8 * length :]
        elif how == "insert":
            content = content[:place] + noise + content[place:]
        elif how == "repeat":
            content = (
                content[:place] + content[place : place + length] * 2 + content[place + length :]
            )
        else:
            new = INTERESTING[noise[0] % len(INTERESTING)]
            content = content[:place] + new + content[place + len(new) :]
    return content
