"""From the results in an output folder to the files of a report."""

import warnings
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memr_cli.errors import UnsupportedError
from memr_cli.progress import Progress, silent
from memr_cli.reporting import documents, words
from memr_cli.reporting.choice import Choice
from memr_cli.reporting.drawing.canvas import style
from memr_cli.reporting.drawing.palette import method_colours
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Notice, Studies, load, studies
from memr_cli.reporting.page import GroupPage, page_of
from memr_cli.reporting.rows import rows, table
from memr_cli.reporting.section import Context, Part
from memr_cli.reporting.sections import SECTIONS
from memr_cli.reporting.sections.results import not_evaluated
from memr_cli.results.evaluation import Evaluation
from memr_cli.results.folder import ResultFolder
from memr_cli.results.report import Report, ReportFiles
from store.atomic import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

# Names of figures in any report, whichever methods and groups it has; nobody else's file matches.
_FIGURE_NAMES = (
    *("comparison", "contributions", "per-class-f1", "confusion", "differences", "shapley"),
    *("subsets", "robustness", "reliability", "by-speaker", "audit", "weights"),
)
_UNWRITTEN = ("Glyph ", "Matplotlib currently does not support ")
"""The start of matplotlib's warnings about characters that it cannot draw as they should be."""


def build(
    folder: ResultFolder,
    *,
    store_name: str | None = None,
    choice: Choice | None = None,
    notice: Notice,
    progress: Progress = silent,
) -> Report:
    """Write the report of everything in `folder`.

    Groups of the store called `store_name` (a file name) come first. `notice` gets one sentence
    for everything a person should know of, such as a result that is left out; `progress` shows how
    far drawing has come. The result's `notes` have the notices.

    Raises UnsupportedError where there is no result to report or a chosen method has none, OSError
    where files cannot be written.
    """
    choice = choice or Choice()
    notes: list[str] = []

    def say(sentence: str) -> None:
        if sentence not in notes:
            notes.append(sentence)
            notice(sentence)

    groups = group(_chosen(load(folder, say), choice), store_name)
    if not groups:
        raise UnsupportedError(
            f"there is no result to report below {folder.root}: expected files like "
            f"{folder.metrics('speaker', 'early')}. Run `memr evaluate` first, or name the folder "
            "of its results with --out."
        )
    if store_name is not None and all(one.store != store_name for one in groups):
        say(
            f"No result here is of the store {store_name}; "
            f"the report is of {words.listed(dict.fromkeys(one.store for one in groups))}."
        )
    pages = pages_of(groups, studies(folder, groups, say), choice, say, progress)
    files = _write(folder.report, pages, table(groups, choice.metrics, chosen=bool(choice.methods)))
    for one in groups if not choice.methods else ():
        lacking = not_evaluated(one)
        if lacking:
            notes.append(f"protocol {one.protocol}, preset {one.preset}: {lacking}")
    stores = {(one.store, one.fingerprint) for one in groups}
    store, fingerprint = stores.pop() if len(stores) == 1 else (None, None)
    return Report(
        store=store,
        fingerprint=fingerprint,
        files=files,
        rows=tuple(
            row for one in groups for row in rows(one, choice.metrics, chosen=bool(choice.methods))
        ),
        notes=tuple(dict.fromkeys(notes)),
    )


def _chosen(results: Sequence[Evaluation], choice: Choice) -> list[Evaluation]:
    """The results of the chosen methods. Raises UnsupportedError for a method that has none."""
    found = {result.method for result in results}
    for method in choice.methods if results else ():
        if method not in found:
            raise UnsupportedError(
                f"there is no result of {method} to report; evaluated are "
                f"{words.listed(sorted(found))}. Run `memr evaluate --method {method}` first."
            )
    return [one for one in results if not choice.methods or one.method in choice.methods]


def pages_of(
    groups: Sequence[Group],
    found: Sequence[Studies],
    choice: Choice,
    say: Notice,
    progress: Progress,
) -> list[GroupPage]:
    """The groups with their parts; where there are several, names of figures say whose."""
    colours = method_colours(
        name
        for one, of_it in zip(groups, found, strict=True)
        for name in (
            *one.methods,
            *(name for result in one.results for name in result.settings.modalities),
            *(name for ablation in of_it.ablations for name in ablation.modalities),
        )
    )
    pages = []
    for one, of_it in zip(groups, found, strict=True):
        context = Context(one, of_it, colours, choice)
        parts: list[Part] = []
        with style(), _missing_glyphs(say):
            for section in progress(SECTIONS, f"drawing {one.name}", unit="section"):
                parts += section(context)
        if len(groups) > 1:
            parts = [_renamed(part, one.name) for part in parts]
        pages.append(page_of(context, tuple(parts), several=len(groups) > 1))
    return pages


def _renamed(part: Part, name: str) -> Part:
    return replace(
        part,
        figures=tuple(replace(one, name=f"{one.name}-{name}") for one in part.figures),
        folded_figures=tuple(
            replace(one, name=f"{one.name}-{name}") for one in part.folded_figures
        ),
    )


@contextmanager
def _missing_glyphs(notice: Callable[[str], None]) -> "Iterator[None]":
    """Turn matplotlib's warnings about characters that no font has into one notice."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    others = [one for one in caught if not str(one.message).startswith(_UNWRITTEN)]
    if len(others) < len(caught):
        notice(
            "No installed font has some characters of the class or speaker names; the figures "
            "show boxes there, the tables show the names. Install a font for that script, "
            "delete matplotlib's font cache and run `memr report` again."
        )
    for one in others:
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def _write(report: Path, pages: Sequence[GroupPage], csv: str) -> ReportFiles:
    folder = report / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        folder / f"{figure.name}.{kind}": content
        for one in pages
        for figure in one.every_figure
        for kind, content in (
            ("svg", figure.svg.encode()),
            ("png", figure.png),
            ("pdf", figure.pdf),
        )
    }
    texts = {
        report / "results.csv": csv,
        report / "results.tex": documents.as_latex(pages),
        report / "report.md": documents.as_markdown(pages),
        report / "report.html": documents.page(pages),
    }
    for path, content in figures.items():
        write_whole(path, content)
    for path, text in texts.items():
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    _remove_others(folder, set(figures))
    tables, latex, markdown, html = map(str, texts)
    drawn = tuple(map(str, figures))
    return ReportFiles(csv=tables, latex=latex, markdown=markdown, html=html, figures=drawn)


def _remove_others(folder: Path, kept: AbstractSet[Path]) -> None:
    """Remove figures of an earlier report that this one does not have; other files stay."""
    for path in folder.iterdir():
        drawn = path.suffix in (".svg", ".png", ".pdf") and path.name.startswith(_FIGURE_NAMES)
        if drawn and path not in kept:
            path.unlink()
