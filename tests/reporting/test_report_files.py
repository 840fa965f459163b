import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from built import build, shown
from made_results import FIVE, Experiment, folds_of, write

from memr_cli.errors import UnsupportedError
from memr_cli.evaluation.metrics import Table, metrics_of
from memr_cli.reporting.sections import SECTIONS
from memr_cli.results.folder import ResultFolder

T = TypeVar("T")

HOSTILE = Experiment(
    classes=("<script>alert(1)</script>", "a|b*c_d\\", "$x^2$ & {é} % #~", '"q" `t` [x](y)'),
    folds=((("=<b>S1", "A|B"), 60), (("$S3_x", "S\\4"), 70)),
    store="=me & <i>_\\.h5",
    preset="my_preset",
    synthetic=True,
)
NOTE = "1. <img src=x onerror=alert(1)> -- {{ 7*7 }} \\input{/etc/passwd} | cell\n# head"


class Built:
    def __init__(self, root: Path, **options: Any) -> None:
        self.notices: list[str] = []
        self.drawing: list[tuple[str, int]] = []
        self.result = build(
            ResultFolder(root), notice=self.notices.append, progress=self._progress, **options
        )
        self.report = root / "report"

    def _progress(self, items: Iterable[T], description: str, **_: Any) -> Iterable[T]:
        parts = list(items)
        self.drawing.append((description, len(parts)))
        return parts

    def text(self, name: str) -> str:
        return (self.report / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("notebook")
    write(root, ("visual", "acoustic", "lexical", "early"))
    return Built(root)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Built:
    root = tmp_path_factory.mktemp("hostile")
    write(root, ("lexical", "late"), HOSTILE, notes=[NOTE])
    return Built(root)


def test_how_far_drawing_has_come_can_be_shown(notebook: Built) -> None:
    ((description, n_parts),) = notebook.drawing
    assert description == "drawing speaker-default"
    assert n_parts == len(SECTIONS)


def test_all_files_are_there_and_named(notebook: Built) -> None:
    files = notebook.result["files"]
    assert [*files] == ["csv", "latex", "markdown", "html", "figures"]
    listed = {files[kind] for kind in ("csv", "latex", "markdown", "html")} | {*files["figures"]}
    there = {str(path) for path in notebook.report.rglob("*") if path.is_file()}
    assert listed == there
    assert {Path(name).suffix for name in files["figures"]} == {".svg", ".png", ".pdf"}


def test_the_result_is_strict_json(notebook: Built, hostile: Built) -> None:
    for built in (notebook, hostile):
        assert json.loads(json.dumps(built.result, allow_nan=False)) == built.result


def test_rows_are_fractions_beside_the_published_numbers(notebook: Built) -> None:
    rows = {row["method"]: row for row in notebook.result["rows"]}
    assert [*rows] == [*FIVE]
    early = rows["early"]
    metrics = json.loads((notebook.report.parent / "metrics/speaker/early.json").read_text())
    for name in ("f1_micro", "uar", "f1_macro", "f1_weighted"):
        expected = {key: metrics["metrics"][name][key] for key in ("mean", "std", "ci95")}
        assert early["metrics"][name] == expected
    assert early["n"] == 1336
    assert early["published"] == {"mean": 0.6256, "std": 0.0145}
    assert rows["late"]["evaluated"] is False
    assert rows["late"]["metrics"] is None
    assert rows["late"]["published"] == {"mean": 0.5431, "std": 0.0173}


def test_what_is_not_evaluated_is_named_everywhere(notebook: Built) -> None:
    assert notebook.result["notes"] == ["protocol speaker, preset default: Not evaluated: late."]
    for name in ("report.html", "report.md"):
        assert "Not evaluated: late." in notebook.text(name)
    assert "late" not in notebook.text("results.tex")
    assert re.search(r"\| late \| not evaluated \|.*54\.31", notebook.text("report.md"))
    late = next(line for line in read_csv(notebook) if line["method"] == "late")
    assert late["evaluated"] == "false"
    assert late["f1_micro_mean"] == ""


def read_csv(built: Built) -> list[dict[str, str]]:
    return list(csv.DictReader(built.text("results.csv").splitlines()))


def test_no_cell_of_the_table_begins_a_formula(hostile: Built) -> None:
    row = read_csv(hostile)[0]
    assert row["store"] == f"'{HOSTILE.store}"
    assert row["folds"].startswith("'=<b>S1")
    for one in read_csv(hostile):
        assert not [cell for cell in one.values() if cell.startswith(("=", "+", "@", "\t"))]


def test_the_table_says_mean_deviation_and_interval_in_percent(notebook: Built) -> None:
    (early,) = [row for row in notebook.result["rows"] if row["method"] == "early"]
    f1 = early["metrics"]["f1_micro"]
    spread = f"{100 * f1['mean']:.2f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * f1['std']:.2f}"
    bounds = "\N{EN DASH}".join(f"{100 * bound:.1f}" for bound in f1["ci95"])
    for name in ("report.html", "report.md"):
        assert spread in notebook.text(name)
        assert bounds in notebook.text(name)
        assert "62.56\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}1.45" in notebook.text(name)
    (line,) = [line for line in read_csv(notebook) if line["method"] == "early"]
    assert float(line["f1_micro_mean"]) == f1["mean"]
    assert float(line["f1_micro_ci95_low"]) == f1["ci95"][0]


def test_a_real_corpus_is_not_called_synthetic(notebook: Built) -> None:
    for name in ("report.html", "report.md", "results.tex"):
        assert "ynthetic" not in re.sub(r"\.synthetic", "", notebook.text(name))
    assert {line["synthetic"] for line in read_csv(notebook)} == {"false"}


def test_a_synthetic_corpus_is_called_so_in_every_file(hostile: Built) -> None:
    said = "Synthetic corpus: these utterances were generated by a program."
    for name in ("report.html", "report.md", "results.tex"):
        assert said in hostile.text(name)
    tex = hostile.text("results.tex")
    assert "% SYNTHETIC CORPUS." in tex
    assert said in tex[tex.index(r"\caption") :]
    assert {line["synthetic"] for line in read_csv(hostile)} == {"true"}


def test_the_page_holds_no_markup_of_the_data(hostile: Built) -> None:
    page = hostile.text("report.html")
    assert "<script" not in page
    assert "<i>" not in page
    assert "<b>S1" not in page
    assert "onerror" in page  # as text
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page


def test_the_page_asks_for_nothing_from_outside(hostile: Built) -> None:
    page = hostile.text("report.html")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    addresses = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    relative = {"results.csv", "results.tex", "report.md"}
    assert all(a.startswith(("data:image/svg+xml,%3Csvg", "#")) or a in relative for a in addresses)
    assert "@import" not in page
    drawings = "".join(address for address in addresses if address.startswith("data:"))
    assert drawings.count("url(") == drawings.count("url(%23") > 0
    assert "url(" not in re.sub(r'data:[^"]*', "", page)


def test_tables_have_headers_with_scope_and_scroll_boxes_take_focus(hostile: Built) -> None:
    page = hostile.text("report.html")
    assert all('scope="' in tag for tag in re.findall(r"<th[ >][^>]*>?", page))
    assert page.count("<table") == page.count("<thead") == 3
    scrolling = re.findall(r'<div class="scroll"([^>]*)><?', page)
    assert sum('tabindex="0"' in tag for tag in scrolling) >= 4
    assert all("aria-label" in tag for tag in scrolling if "tabindex" in tag)


def test_markdown_tables_keep_their_columns(hostile: Built) -> None:
    lines = hostile.text("report.md").splitlines()
    table: list[str] = []
    n_tables = 0
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            columns = {len(re.findall(r"(?<!\\)\|", row)) for row in table}
            assert len(columns) == 1, table
            assert len(table) >= 3
            n_tables, table = n_tables + 1, []
    assert n_tables == 3
    assert "{{" not in re.sub(r"\\.", "", "\n".join(lines))


def test_markdown_figures_are_files(notebook: Built) -> None:
    links = re.findall(r"\]\((figures/[^)]+)\)", notebook.text("report.md"))
    assert len(links) == 8
    assert all((notebook.report / link).is_file() for link in links)


def test_latex_is_set_without_errors(hostile: Built, notebook: Built, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex on PATH")
    inputs = "".join(f"\\input{{{b.report.as_posix()}/results.tex}}" for b in (hostile, notebook))
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\begin{document}" + inputs + r"\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


def test_latex_rows_have_as_many_cells_as_columns(hostile: Built) -> None:
    tex = hostile.text("results.tex")
    (columns,) = re.findall(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", tex)
    rows = [line for line in tex.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + 2 * 2  # a line of means and one of intervals for each method
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}


def test_groups_have_figures_and_tables_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, ("lexical", "late"), Experiment(folds=folds_of(2)))
    session = Experiment(protocol="session", folds=folds_of(2), overrides={"epochs": 3})
    write(tmp_path, ("late",), session)
    built = Built(tmp_path)
    names = {Path(name).stem for name in built.result["files"]["figures"]}
    assert {"comparison-speaker-default", "comparison-session-default"} <= names
    page = built.text("report.html")
    first, second = page.index('id="speaker-default"'), page.index('id="session-default"')
    assert first < second
    assert "Protocol session, preset default, epochs 3" in page
    assert built.text("results.tex").count(r"\begin{table") == 2
    protocols = [(row["protocol"], row["evaluated"]) for row in built.result["rows"]]
    assert protocols.count(("speaker", True)) == 2
    assert protocols.count(("session", True)) == 1
    others = [f"{metric.label} %" for metric in metrics_of(Table.REPORT)][1:]
    columns = ["method", "F1-micro %", "95 % interval", *others, "n", "protocol", "changed"]
    assert all([*row] == columns for row in shown(built.result["rows"]))


def test_a_terminal_is_told_what_differs_and_that_a_corpus_is_synthetic(hostile: Built) -> None:
    rows = shown(hostile.result["rows"])
    assert {row["corpus"] for row in rows} == {"synthetic"}
    assert "protocol" not in rows[0]
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert [row["F1-micro %"] for row in rows if row["method"] == "early"] == ["not evaluated"]


def test_a_terminal_is_told_no_deviation_of_a_single_fold(tmp_path: Path) -> None:
    write(tmp_path, ("lexical",), Experiment(folds=folds_of(1)))
    (row,) = [row for row in shown(Built(tmp_path).result["rows"]) if row["method"] == "lexical"]
    assert re.fullmatch(r"\d+\.\d", row["F1-micro %"])


def test_a_second_report_removes_the_figures_of_the_first_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path, ("lexical", "late"), Experiment(folds=folds_of(2)))
    first = Built(tmp_path)
    own = first.report / "figures" / "my-sketch.svg"
    own.write_text("mine")
    folder.metrics("speaker", "late").unlink()
    second = Built(tmp_path)
    gone = set(first.result["files"]["figures"]) - set(second.result["files"]["figures"])
    assert {Path(name).stem for name in gone} == {"confusion-late-folds"}
    assert not any(Path(name).exists() for name in gone)
    assert own.exists()
    assert "confusion-late" not in second.text("report.md")


def test_the_same_results_give_the_same_files(tmp_path: Path) -> None:
    write(tmp_path, ("lexical",), Experiment(folds=folds_of(2)))
    first = contents(Built(tmp_path).report)
    shutil.rmtree(tmp_path / "report")
    assert contents(Built(tmp_path).report) == first


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_report_that_fails_leaves_the_earlier_page_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ("lexical",), Experiment(folds=folds_of(1)))
    before = contents(Built(tmp_path).report)
    replaced = os.replace
    calls = []

    def full_disk(source: Any, target: Any, **options: Any) -> None:
        calls.append(target)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        replaced(source, target, **options)

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        Built(tmp_path)
    assert contents(tmp_path / "report") == before


def test_without_results_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="Run `memr evaluate` first"):
        Built(tmp_path)


def test_a_stale_result_is_told_of_in_the_notes(tmp_path: Path) -> None:
    folder = write(tmp_path, ("lexical", "early"), Experiment(folds=folds_of(1)))
    folder.predictions("speaker", "early").unlink()
    built = Built(tmp_path)
    assert "is stale" in built.notices[0]
    assert built.notices[0] in built.result["notes"]


def test_a_store_without_results_is_told_of(tmp_path: Path) -> None:
    write(tmp_path, ("lexical",), Experiment(folds=folds_of(1)))
    built = Built(tmp_path, store_name="other.h5")
    assert built.notices == ["No result here is of the store other.h5; the report is of memr.h5."]
    assert Built(tmp_path, store_name="memr.h5").notices == []


def test_reporting_needs_neither_torch_nor_h5py() -> None:
    code = (
        "import sys, memr_cli.reporting.report\n"
        "print([m for m in ('torch', 'h5py', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
