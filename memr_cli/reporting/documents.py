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
from memr_cli.reporting.escaping import Raw, code_block, image_text, latex, markdown
from memr_cli.reporting.drawing.palette import dark
from memr_cli.reporting.sections import Section

_TEMPLATES = Path(__file__).parent / "templates"
_UNQUOTED = "'/:;=,()!?+*@$~"
_LATEX_MARKS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def page(sections: Sequence[Section], largest: int = 5_000_000) -> str:
    """The HTML page: one file that asks for nothing else; all text in it is escaped.

    Where it would be larger than `largest` bytes, figures by fold are left out, and it says so.
    """
    environment = _environment(autoescape=True)
    environment.filters |= {
        "light": lambda svg: _data_uri(_small(svg)),
        "dark": lambda svg: _data_uri(dark(_small(svg))),
    }
    text = _render(environment, "report.html", sections)
    if len(text.encode()) <= largest:
        return text
    fewer = [replace(one, fold_figures=(), folds_caption=_without(one)) for one in sections]
    return _render(environment, "report.html", fewer)


def _without(one: Section) -> str:
    if not one.fold_figures:
        return one.folds_caption
    return f"{one.folds_caption} Confusion by fold is in figures/, to keep this page small."


def as_markdown(sections: Sequence[Section]) -> str:
    """The same in Markdown, with the figures as links to their files."""
    environment = _environment(finalize=markdown)
    environment.filters |= {
        "code": code_block,
        "alt": image_text,
        "link": lambda name: Raw(quote(name)),
    }
    return _render(environment, "report.md", sections)


def as_latex(sections: Sequence[Section]) -> str:
    """The results tables for a paper; they need the package booktabs."""
    environment = _environment(finalize=latex, **_LATEX_MARKS)
    environment.filters |= {"raw": Raw}
    return _render(environment, "results.tex", sections)


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


def _render(environment: Environment, template: str, sections: Sequence[Section]) -> str:
    stores = list(dict.fromkeys(dict(one.facts)["Store"] for one in sections))
    return environment.get_template(template).render(
        title=f"Results on {words.listed(stores)}", sections=sections
    )


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
