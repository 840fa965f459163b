"""Foreign text made harmless: class names, speakers and notes come from files of any origin."""

import re
from typing import Any

from markupsafe import Markup

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": "{`}",  # after ? or ! a ligature
    "[": "{[}",  # after \\ the start of a length
    "±": r"\ensuremath{\pm}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{EN DASH}": r"\textendash{}",
    "\N{EM DASH}": r"\textemdash{}",
    "…": r"\dots{}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
}
_MARKDOWN = re.compile(r"""([\\`*_{}\[\]<>#|~$&@]) | :(?=//) | (?<=www)\.""", re.VERBOSE | re.I)
# GitHub makes a link of what looks like an address for mail, even where a backslash is in it.
_MAIL = re.compile(r"(?<=[\w.+-])\\@")
# Where a backslash keeps a line from becoming a list item or an underline.
_LIST_START = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))")
# What to type, of signs that mean nothing in any markup.
_TYPED = re.compile(r"`([\w./=:+-][\w ./=:+-]*)`")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Raw(str):
    """Text that is markup already and passes through escaping unchanged."""

    __slots__ = ()


class Told(str):
    """Text in which backticks enclose what to type; other markup in it is escaped like any."""

    __slots__ = ()

    def __html__(self) -> Markup:
        """For HTML, where `<code>` stands for the backticks."""
        parts = _TYPED.split(_one_line(self))
        return Markup("").join(
            Markup("<code>{}</code>").format(part) if number % 2 else part
            for number, part in enumerate(parts)
        )


def latex(value: Any) -> str:
    """`value` as text in a LaTeX paragraph or table cell; line breaks become spaces."""
    if isinstance(value, Raw):
        return value
    text = "".join(_LATEX.get(character, character) for character in _one_line(value))
    text = re.sub(r"^(\s*)\*", r"\1{*}", text)  # after \\ what keeps a page from ending
    return re.sub("-(?=-)", "-{}", text)  # two in a row would become a dash


def markdown(value: Any) -> str:
    """`value` as text in a Markdown paragraph or table cell; line breaks become spaces."""
    if isinstance(value, Raw):
        return value
    text = _one_line(value).strip()
    parts = _TYPED.split(text) if isinstance(value, Told) else [text]
    told = (
        f"`{part}`" if number % 2 else _MAIL.sub(r"\\@<!-- -->", _marked(part))
        for number, part in enumerate(parts)
    )
    return _LIST_START.sub(r"\1\\", "".join(told))


def image_text(text: str) -> Raw:
    """`text` in place of an image in Markdown, where nothing becomes a link."""
    return Raw(_marked(_one_line(text)))


def code_block(text: str) -> Raw:
    """A Markdown code block, fenced so that nothing in it can end it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Raw(f"{fence}sh\n{text}\n{fence}")


def _marked(text: str) -> str:
    return _MARKDOWN.sub(lambda found: "\\" + found.group(), text)


def _one_line(value: Any) -> str:
    return _CONTROL.sub(" ", str(value))
