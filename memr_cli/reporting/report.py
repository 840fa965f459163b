"""From the results in an output folder to the files of a report."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from memr_cli.errors import UnsupportedError
from memr_cli.progress import Progress, silent
from memr_cli.reporting import documents, words
from memr_cli.reporting.drawing.palette import method_colours
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Notice, load
from memr_cli.reporting.rows import rows, table
from memr_cli.reporting.sections import Section, section
from memr_cli.results.folder import ResultFolder
from memr_cli.results.report import Report, ReportFiles
from store.atomic import write_whole

# Names of figures in any report, whichever methods and groups it has; nobody else's file matches.
_FIGURE_NAMES = (
    *("comparison", "contributions", "per-class-f1", "confusion", "differences", "shapley"),
    *("subsets", "robustness", "reliability", "by-speaker", "audit", "weights"),
)


def build(
    folder: ResultFolder,
    *,
    store_name: str | None = None,
    notice: Notice,
    progress: Progress = silent,
) -> Report:
    """Write the report of everything in `folder`.

    Groups of the store called `store_name` (a file name) come first. `notice` gets one sentence
    for everything a person should know of, such as a result that is left out; `progress` shows how
    far drawing has come. The result's `notes` have the notices.

    Raises UnsupportedError where there is no result to report, OSError where files cannot be
    written.
    """
    notes: list[str] = []

    def say(sentence: str) -> None:
        notes.append(sentence)
        notice(sentence)

    groups = group(load(folder, say), store_name)
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
    sections = _sections(groups, studies(folder, groups, say), say, progress)
    files = _write(folder.report, sections, table(groups))
    for one in groups:
        lacking = words.not_evaluated(one)
        if lacking:
            notes.append(f"protocol {one.protocol}, preset {one.preset}: {lacking}")
    stores = {(one.store, one.fingerprint) for one in groups}
    store, fingerprint = stores.pop() if len(stores) == 1 else (None, None)
    return Report(
        store=store,
        fingerprint=fingerprint,
        files=files,
        rows=tuple(row for one in groups for row in rows(one)),
        notes=tuple(notes),
    )


def _sections(
    groups: Sequence[Group], found: Sequence[Studies], say: Notice, progress: Progress
) -> list[Section]:
    """The groups with their figures; where there are several, names of figures say whose."""
    colours = method_colours(
        name
        for one, of_it in zip(groups, found, strict=True)
        for name in (
            *one.methods,
            *(name for result in one.results for name in result.settings.modalities),
            *(name for ablation in of_it.ablations for name in ablation.modalities),
        )
    )
    sections = []
    for one, of_it in zip(groups, found, strict=True):
        figures = draw(one, of_it, colours, say, progress)
        if len(groups) > 1:
            figures = [replace(figure, name=f"{figure.name}-{one.name}") for figure in figures]
        sections.append(section(one, of_it, figures))
    return sections


def _write(report: Path, sections: Sequence[Section], rows: str) -> ReportFiles:
    folder = report / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        folder / f"{figure.name}.{kind}": content
        for one in sections
        for figure in one.every_figure
        for kind, content in (("svg", figure.svg.encode()), ("png", figure.png))
    }
    texts = {
        report / "results.csv": rows,
        report / "results.tex": documents.as_latex(sections),
        report / "report.md": documents.as_markdown(sections),
        report / "report.html": documents.page(sections),
    }
    for path, content in figures.items():
        write_whole(path, content)
    for path, text in texts.items():
        write_whole(path, text.encode("utf-8", "backslashreplace"))
    _remove_others(folder, set(figures))
    csv, latex, markdown, html = map(str, texts)
    drawn = tuple(map(str, figures))
    return ReportFiles(csv=csv, latex=latex, markdown=markdown, html=html, figures=drawn)


def _remove_others(folder: Path, kept: AbstractSet[Path]) -> None:
    """Remove what an earlier report drew and this one does not; files of other names stay."""
    for path in folder.iterdir():
        drawn = path.suffix in (".svg", ".png") and path.name.startswith(_FIGURE_NAMES)
        if drawn and path not in kept:
            path.unlink()
