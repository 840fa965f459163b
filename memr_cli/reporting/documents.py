"""The text files of a report: page, Markdown and LaTeX from their templates."""

import base64
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from memr_cli.reporting import words
from memr_cli.reporting.escaping import Raw, latex, markdown
from memr_cli.reporting.figures.palette import dark
from memr_cli.reporting.sections import Section

_TEMPLATES = Path(__file__).parent / "templates"
_LATEX_MARKS: dict[str, Any] = {
    "block_start_string": "<%",
    "block_end_string": "%>",
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "comment_start_string": "<#",
    "comment_end_string": "#>",
}


def page(sections: Sequence[Section]) -> str:
    """The HTML page: one file that asks for nothing else; all text in it is escaped."""
    environment = _environment(autoescape=True)
    environment.filters |= {
        "light": lambda svg: _data_uri(_small(svg)),
        "dark": lambda svg: _data_uri(dark(_small(svg))),
    }
    return _render(environment, "report.html", sections)


def as_markdown(sections: Sequence[Section]) -> str:
    """The same in Markdown, with the figures as links to their files."""
    environment = _environment(finalize=markdown)
    environment.filters |= {"code": _code, "link": lambda name: Raw(quote(name))}
    return _render(environment, "report.md", sections)


def as_latex(sections: Sequence[Section]) -> str:
    """The results tables for a paper; they need the package booktabs."""
    environment = _environment(finalize=latex, **_LATEX_MARKS)
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


def _code(text: str) -> Raw:
    """A Markdown code block, fenced so that nothing in it can end it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Raw(f"{fence}sh\n{text}\n{fence}")


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _small(svg: str) -> str:
    """The drawing without what only an editor would miss, and with places to 1/100 point."""
    svg = re.sub(
        r"<!--.*?-->|<metadata>.*?</metadata>|<\?.*?\?>|<!DOCTYPE.*?>", "", svg, flags=re.S
    )
    places = re.compile(r"""\b(?:d|x|y)="[^"]*" | translate\([^)]*\)""", re.VERBOSE)
    svg = places.sub(lambda place: re.sub(r"-?\d+\.\d{3,}", _two_digits, place[0]), svg)
    return re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", svg))


def _two_digits(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
