"""The text files of a report: page, Markdown and LaTeX from their templates."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from memr_cli.reporting import words
from memr_cli.reporting.drawing.palette import dark
from memr_cli.reporting.escaping import Raw, code_block, image_text, latex, markdown
from memr_cli.reporting.page import GroupPage
from memr_cli.reporting.section import Part
from memr_cli.reporting.tables import Table

_TEMPLATES = Path(__file__).parent / "templates"
_COLUMN, _TEXT = 252.0, 516.0
"""Widths in points of one and both columns of a paper."""
_COLSEP = 3.0
_UNQUOTED = "'/:;=,()!?+*@$~"
_LATEX_MARKS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def page(pages: Sequence[GroupPage], largest: int = 5_000_000) -> str:
    """The HTML page: one file that asks for nothing else; all text in it is escaped.

    Where it would be larger than `largest` bytes, figures by fold are left out, and it says so.
    """
    environment = _environment(autoescape=True)
    environment.filters |= {
        "light": lambda svg: _data_uri(_small(svg)),
        "dark": lambda svg: _data_uri(dark(_small(svg))),
    }
    text = _render(environment, "report.html", pages)
    if len(text.encode()) <= largest:
        return text
    fewer = [replace(one, parts=tuple(map(_without, one.parts))) for one in pages]
    return _render(environment, "report.html", fewer)


def _without(part: Part) -> Part:
    if not part.folded_figures:
        return part
    note = "Figures by fold are in figures/, to keep this page small."
    return replace(part, folded_figures=(), lines=(*part.lines, note))


def as_markdown(pages: Sequence[GroupPage]) -> str:
    """The same in Markdown, with the figures as links to their files."""
    environment = _environment(finalize=markdown)
    environment.filters |= {
        "code": code_block,
        "alt": image_text,
        "link": lambda name: Raw(quote(name)),
    }
    return _render(environment, "report.md", pages)


def as_latex(pages: Sequence[GroupPage]) -> str:
    """The results tables for a paper; they need the package booktabs."""
    environment = _environment(finalize=latex, **_LATEX_MARKS)
    environment.filters |= {"raw": Raw, "setting": _setting}
    return _render(environment, "results.tex", pages)


def _environment(
    *, autoescape: bool = False, finalize: Callable[[Any], str] | None = None, **marks: Any
) -> Environment:
    return Environment(
        # Where it does not escape for HTML, `finalize` escapes whatever a template puts out.
        autoescape=autoescape,  # noqa: S701
        finalize=finalize,
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **marks,
    )


def _render(environment: Environment, template: str, pages: Sequence[GroupPage]) -> str:
    stores = list(dict.fromkeys(one.store for one in pages))
    return environment.get_template(template).render(
        title=f"Results on {words.listed(stores)}", pages=pages
    )


def _setting(table: Table) -> dict[str, Raw]:
    """The environment and type size in which a table of a paper fits one column or the page."""
    columns = zip(table.head, *table.rows, strict=True)
    ems = sum(max(map(_ems, column)) for column in columns)
    gaps = 2 * (len(table.head) - 1)
    for environment, width in (("table", _COLUMN), ("table*", _TEXT)):
        for size, points in (("small", 9.0), ("footnotesize", 8.0)):
            if ems * points + gaps * _COLSEP <= width:
                return {"environment": Raw(environment), "size": Raw(size)}
    return {"environment": Raw("table*"), "size": Raw("scriptsize")}


def _ems(text: str) -> float:
    """About the width of a text in ems of Computer Modern."""
    return sum(0.3 if sign in ".,:()il \N{NO-BREAK SPACE}" else 0.53 for sign in text)


def _data_uri(svg: str) -> Markup:
    """An address for an attribute in double quotes; shorter than base64, and without spaces.

    Nothing that would end the attribute or the address is left unquoted.
    """
    quoted = quote(svg.replace('"', "'"), safe=_UNQUOTED)
    return Markup(f"data:image/svg+xml,{quoted}")  # noqa: S704 - quoted above


def _small(svg: str) -> str:
    """The drawing without what only an editor would miss, and with places to 1/100 point."""
    svg = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>|<\?.*?\?>|<!DOCTYPE.*?>", "", svg, flags=re.S
    )
    places = re.compile(r"""\b(?:d|x|y)="[^"]*" | translate\([^)]*\)""", re.VERBOSE)
    svg = places.sub(lambda place: re.sub(r"-?\d+\.\d{3,}", _two_digits, place[0]), svg)
    svg = re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", svg))
    svg = re.sub(r'\bd="[^"]*"', lambda path: _close_set(path[0]), svg)
    svg = re.sub(r"translate\(\S+ \S+\)", lambda place: place[0].replace(" ", ","), svg)
    svg = re.sub(r'style="[^"]*"', lambda style: re.sub("([:;]) ", r"\1", style[0]), svg)
    return _short_names(svg.strip())


def _close_set(path: str) -> str:
    """Path data with a comma, which an address may hold, where a space has to be."""
    return re.sub(r" ?([A-Za-z]) ", r"\1", path).replace(" ", ",")


def _short_names(svg: str) -> str:
    """With names of one or two characters for what is referred to, and none for anything else."""
    used = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    short = {name: f"{number:x}" for number, name in enumerate(used)}
    svg = re.sub(r' id="([^"]*)"', lambda x: f' id="i{short[x[1]]}"' if x[1] in short else "", svg)
    svg = re.sub(r'href="#([^"]+)"', lambda x: f'href="#i{short[x[1]]}"', svg)
    return re.sub(r"url\(#([^)]+)\)", lambda x: f"url(#i{short[x[1]]})", svg)


def _two_digits(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
