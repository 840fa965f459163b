import csv
import json
import re
from pathlib import Path

import pytest
from built import build, told_of
from made_results import FIVE, Experiment, folds_of, write
from made_studies import write_ablation, write_audit, write_comparison

from memr_cli.reporting import documents, words
from memr_cli.reporting.groups import group
from memr_cli.reporting.loading import load, studies
from memr_cli.reporting.rows import table
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import digest

EXPERIMENT = Experiment(detailed=True, by_speaker=("acoustic",), calibrate="temperature")
ONE_FOLD = Experiment(folds=folds_of(1))
DETAILED = Experiment(folds=folds_of(1), detailed=True)
COLOURED = (*FIVE, "visual", "acoustic", "lexical")
NEW = (
    *("Paired differences", "All subsets of modalities", "Robustness", "Reliability"),
    *("Scores by session and speaker", "Audit"),
)


def whole(root: Path, experiment: Experiment = EXPERIMENT) -> ResultFolder:
    """Results with every kind of study."""
    folder = write(root, FIVE, experiment)
    write_comparison(root, ["lexical", "early", "late"], experiment)
    write_ablation(root, "early", experiment)
    write_audit(root, experiment)
    return folder


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    build(whole(root), notice=print)
    return root / "report"


def test_every_part_has_its_heading_a_sentence_and_a_figure(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    for title in (*NEW, "Contribution of modalities"):
        part = page[page.index(f">{title}</h3>") :]
        part = part[: part.index("<h3", 10)]
        assert re.search(r"</h3>\s*<p>[^<]{40,}\.</p>", part), title
        assert "<img" in part, title
    markdown = (report / "report.md").read_text(encoding="utf-8")
    assert all(f"\n### {title}\n" in markdown for title in NEW)


def test_the_contents_lead_to_every_heading(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    targets = re.findall(r'<li><a href="#([^"]+)">', page)
    anchors = re.findall(r'<h3 id="([^"]+)">', page)
    assert targets == anchors
    assert len(set(anchors)) == len(anchors) == page.count("<h3")


def test_a_page_with_everything_is_below_5_megabytes(report: Path) -> None:
    assert (report / "report.html").stat().st_size < 5_000_000


def test_a_page_too_large_leaves_out_the_figures_by_fold_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, ("lexical",), Experiment(folds=folds_of(2)))
    text = told_of(ResultFolder(tmp_path)).page
    large = documents.page([text])
    small = documents.page([text], largest=len(large) - 1)
    assert large.count("<img") == small.count("<img") + 1
    assert "Figures by fold are in figures/, to keep this page small." in small
    assert "to keep this page small" not in large


def test_sections_without_data_are_absent(tmp_path: Path) -> None:
    folder = write(tmp_path, ("lexical", "early"), ONE_FOLD)
    assert not {"differences", "subsets", "robustness", "audit"} & told_of(folder).parts.keys()
    build(folder, notice=print)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert not any(title in page for title in NEW)
    assert "Contribution of modalities" in page


def test_numbers_behind_a_figure_are_a_table_to_open(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    opened = re.findall(r"<details>\s*<summary>(.+?)</summary>\s*<figure", page)
    assert opened == [
        "Paired differences, as a table",
        "Shapley values, as a table",
        "Subsets of modalities (early), as a table",
        "Robustness (early), as a table",
        "Calibration, as a table",
        "Scores by session and speaker, as a table",
        "Scores by class, as a table",
        "Show protocol and folds",
    ]


def test_the_sentences_say_what_was_found(tmp_path: Path) -> None:
    said = {part.title: part.sentence.replace("\N{NO-BREAK SPACE}", " ")
            for part in told_of(whole(tmp_path)).page.parts}  # fmt: skip
    assert re.match(
        r"In accuracy, \d of 3 pairs differs? at p < 0.05 after Holm's correction; the largest "
        r"such difference is \w+ \N{MINUS SIGN} \w+: .\d+\.\d points\.",
        said["Paired differences"],
    )
    assert said["All subsets of modalities"] == (
        "early reaches an accuracy of 67.0 % with all modalities, and at test time 46.0 without "
        "lexical, 55.0 without acoustic and 63.0 without visual."
    )
    assert said["Robustness"] == (
        "From 67.0 %, early's accuracy goes to 52.0 with 50 % of modalities lost at random and to "
        "57.0 with noise of 1 standard deviation on all."
    )
    assert said["Reliability"].startswith(
        "Expected calibration error over all test utterances, in points: visual 5.0, "
    )
    assert said["Reliability"].endswith(
        "; of the third of its decisions that it is surest of, visual claims 84.0 % and gets "
        "76.0 % right."
    )
    assert "late" not in said["Reliability"]
    assert re.match(
        r"F1-micro of early, the highest on average, runs from [\d.]+ % \(\w+, n = \d+\) to "
        r"[\d.]+ % \(\w+, n = \d+\) over 10 speakers and from .* over 5 sessions\.",
        said["Scores by session and speaker"],
    )
    assert said["Audit"] == (
        "The audit of the store under this protocol has 3 findings: 1 severe, 1 warning and 1 "
        "informational. Severe: label leak."
    )


def test_shapley_values_are_told_with_what_they_share_out(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"], ONE_FOLD)
    write_ablation(tmp_path, "early", ONE_FOLD)
    build(folder, notice=print)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert (
        "Of the 37.0 points of accuracy that early gains over always answering training&#39;s most "
        "frequent class (30.0\N{NO-BREAK SPACE}%), lexical brings the most: 21.0"
    ) in page


def test_no_pair_that_differs_is_said_to(tmp_path: Path) -> None:
    folder = write(tmp_path, FIVE)
    path = write_comparison(tmp_path, FIVE)
    value = json.loads(path.read_text())
    for pair in value["pairs"]:
        for entry in pair["metrics"].values():
            entry["p_holm"] = 0.05
    path.write_text(json.dumps(value))
    part = told_of(folder).parts["differences"]
    assert part.sentence == (
        "In accuracy, none of 10 pairs differs at p < 0.05 after Holm's correction."
    )
    assert "*" not in "".join(cell for row in part.tables[0].table.rows for cell in row)


@pytest.mark.parametrize("apart", [True, False])
def test_two_baselines_that_differ_are_told_apart(tmp_path: Path, apart: bool) -> None:
    folder = write(tmp_path, ["early"], ONE_FOLD)
    (one,) = group(load(folder, print))
    level = words.majority(one)[1]
    path = write_ablation(tmp_path, "early", ONE_FOLD)
    value = json.loads(path.read_text())
    value["subsets"][0]["metrics"]["accuracy"]["mean"] = level - (0.06 if apart else 0.04)
    path.write_text(json.dumps(value))
    part = told_of(folder).parts["contributions"]
    said = "Training's most frequent class is not that of the test part: there, always answering"
    assert (said in part.sentence) is apart


def test_severe_findings_stand_directly_below_the_lead(report: Path) -> None:
    page = (report / "report.html").read_text(encoding="utf-8")
    line = "Severe finding of the audit: Features know the labels."
    assert re.search(rf'class="headline">[^<]*</p>\s*<p class="severe">{line}</p>', page)
    text = (report / "report.md").read_text(encoding="utf-8")
    assert text.index(f"- {line}") < text.index("- Store: ")
    assert "A class is small." not in page[: page.index('class="facts"')]


def test_commands_in_findings_are_set_as_code(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"], DETAILED)
    finding = {"code": "x", "severity": "info", "modality": None, "value": 1.0}
    action = "Try `memr evaluate --normalize acoustic=speaker`, not `<b>`."
    write_audit(tmp_path, DETAILED, findings=[{**finding, "message": "m", "action": action}])
    build(folder, notice=print)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    typed = "memr evaluate --normalize acoustic=speaker"
    assert f"Try <code>{typed}</code>, not `&lt;b&gt;`." in page
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert f"Try `{typed}`, not \\`\\<b\\>\\`." in text


def test_stars_are_in_brackets_where_the_interval_reaches_zero(tmp_path: Path) -> None:
    folder = write(tmp_path, ["lexical", "early"])
    path = write_comparison(tmp_path, ["lexical", "early"])
    value = json.loads(path.read_text())
    accuracy, uar = (value["pairs"][0]["metrics"][name] for name in ("accuracy", "uar"))
    accuracy |= {"difference": 0.05, "ci95": [0.01, 0.09], "p_holm": 0.0001}
    uar |= {"difference": 0.05, "ci95": [-0.01, 0.11], "p_holm": 0.0001}
    path.write_text(json.dumps(value))
    part = told_of(folder).parts["differences"]
    assert [row[2] for row in part.tables[0].table.rows[:2]] == ["+5.00***", "+5.00(***)"]
    (paper,) = told_of(folder).parts["differences"].paper
    assert [cell.rpartition(" ")[2] for cell in paper.table.rows[0][1:3]] == [
        "9.0)***",
        "11.0)(***)",
    ]
    assert all("in brackets where" in one.caption for one in (paper, part.tables[0]))
    (drawing,) = [one for one in told_of(folder).figures if one.name == "differences"]
    assert "in brackets where the interval reaches 0" in drawing.caption.replace("\n", " ")


def test_a_temperature_that_was_not_fitted_is_counted_apart(tmp_path: Path) -> None:
    folder = write(tmp_path, ["early"], EXPERIMENT)
    path = folder.metrics("speaker", "early")
    value = json.loads(path.read_text())
    value["calibration"]["temperatures"] = [
        {"fold": 0, "seed": 0, "temperature": 1.3, "n": 90, "fitted": True},
        {"fold": 1, "seed": 0, "temperature": 1.0, "n": 2, "fitted": False},
    ]
    path.write_text(json.dumps(value))
    part = told_of(folder).parts["reliability"]
    assert part.tables[0].table.rows[0][-1] == "1.30 to 1.30 (1 of 2 not fitted)"


def test_audit_findings_stand_gravest_first(tmp_path: Path) -> None:
    audit = told_of(whole(tmp_path)).parts["audit"]
    assert [row[0] for row in audit.tables[0].table.rows] == ["severe", "warning", "info"]


def test_a_comparison_across_normalisations_belongs_to_the_group_of_its_first_method(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    by_speaker = Experiment(by_speaker=("acoustic",))
    folder = write(here, ["acoustic", "lexical"])
    other = write(there, ["acoustic"], by_speaker).metrics("speaker", "acoustic")
    path = write_comparison(here, ["lexical", "acoustic"])
    value = json.loads(path.read_text())
    value["methods"][1] |= {
        "label": "there/acoustic",
        "metrics": "../there/metrics/speaker/acoustic.json",
        "settings": json.loads(other.read_text())["settings"],
    }
    value["methods"].insert(0, value["methods"].pop())
    value["methods"][1] |= {"label": "acoustic", "method": "acoustic"}
    value["methods"][1]["metrics"] = "metrics/speaker/acoustic.json"
    value["methods"][1]["settings"] = json.loads(folder.metrics("speaker", "acoustic").read_text())[
        "settings"
    ]
    value["hashes"]["../there/metrics/speaker/acoustic.json"] = digest(other)
    path.write_text(json.dumps(value))
    (of_it,) = studies(folder, group(load(folder, print)), pytest.fail)
    assert [one.label for one in of_it.comparisons[0].methods] == ["there/acoustic", "acoustic"]
    commands = told_of(folder).commands
    assert (
        "memr evaluate --protocol speaker --folds 5 --preset default --seed 0 --normalize speaker "
        "--method acoustic --out ../there --store memr.h5"
    ) in commands
    assert (
        "memr compare ../there/metrics/speaker/acoustic.json acoustic --protocol speaker "
        "--across normalize --store memr.h5"
    ) in commands


def test_the_commands_name_every_option_and_study(tmp_path: Path) -> None:
    experiment = Experiment(
        by_speaker=("acoustic",),
        calibrate="temperature",
        subset="improvised",
        overrides={"modality_dropout": 0.3},
    )
    options = (
        "--protocol speaker --folds 5 --preset default --seed 0 --modality-dropout 0.3 "
        "--subset improvised --normalize acoustic=speaker"
    )
    assert told_of(whole(tmp_path, experiment)).commands == (
        (
            f"memr evaluate {options} --calibrate temperature --method visual --method acoustic "
            "--method lexical --method early --method late --store memr.h5"
        ),
        "memr compare lexical early late --protocol speaker --store memr.h5",
        f"memr ablate early --retrain {options} --store memr.h5",
        "memr audit --protocol speaker --folds 5 --subset improvised --store memr.h5",
        "memr report --store memr.h5",
    )


def test_a_transductive_result_says_so(tmp_path: Path) -> None:
    one = told_of(whole(tmp_path))
    assert "acoustic normalised by speaker" in one.title
    fact = dict(one.facts)["Normalised by speaker"]
    assert fact == ("acoustic, test speakers by their own features, without labels (transductive)")
    assert any("transductive" in line for line in one.parts["shared"].lines)
    settings = dict(one.parts["settings"].settings)
    assert settings["normalize"] == "visual global, acoustic speaker, lexical global"
    assert settings["calibrate"] == "temperature"
    (of_results,) = group(load(ResultFolder(tmp_path), print))
    rows = {row["method"]: row for row in csv.DictReader(table([of_results]).splitlines())}
    told = ("subset", "by_speaker", "transductive", "calibrate")
    assert [rows["early"][name] for name in told] == ["all", "acoustic", "true", "temperature"]
    assert rows["visual"]["transductive"] == "false"  # its own features are normalised by training
    assert "transductive" not in documents.as_markdown(
        [told_of(write(tmp_path / "other", FIVE)).page]
    )


def test_the_comparison_stands_in_latex_with_intervals_and_marks(report: Path) -> None:
    tex = (report / "results.tex").read_text(encoding="utf-8")
    table = tex[tex.index(r"\label{tab:memr-speaker-default-differences}") :]
    rows = [line.strip() for line in table.splitlines() if line.endswith(r"\\")]
    assert rows[0] == r"Pair & Accuracy & UAR & Macro-F1 & W-F1 \\"
    assert len(rows) == 4
    cell = r"(\+|\\ensuremath\{-\})\d+\.\d \((\\ensuremath\{-\})?\d+\.\d to \S+\)\*{0,3}"
    assert all(
        re.fullmatch(rf"\w+ \\ensuremath\{{-\}} \w+ & {cell} & {cell} & {cell} & {cell} \\\\", row)
        for row in rows[1:]
    )
    assert "***" in "".join(rows)


def test_undefined_figures_of_studies_are_dashes(tmp_path: Path) -> None:
    folder = write(tmp_path, ("lexical", "early"), DETAILED)
    ablation = json.loads(write_ablation(tmp_path, "early", DETAILED).read_text())
    ablation["subsets"][1]["metrics"]["accuracy"] = {"mean": None, "std": None, "ci95": None}
    ablation["shapley"]["accuracy"]["visual"] = {"value": None, "ci95": None}
    (tmp_path / "ablations/speaker/early.json").write_text(json.dumps(ablation))
    build(folder, notice=print)
    markdown = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert re.search(r"\| visual \| \N{EN DASH} \|", markdown)


HOSTILE = "<img src=x onerror=alert(1)> | \\input{x} $ % _ \" '"


def test_names_in_studies_hold_no_markup(tmp_path: Path) -> None:
    folder = write(tmp_path, ("lexical", "early"), DETAILED)
    path = write_comparison(tmp_path, ["lexical", "early"], DETAILED, notes=[HOSTILE])
    value = json.loads(path.read_text())
    value["pairs"][0] |= {"second": HOSTILE, "sentence": HOSTILE}
    path.write_text(json.dumps(value))
    finding = {"code": HOSTILE, "severity": "severe", "modality": HOSTILE, "value": 1.0}
    audited = [{**finding, "message": HOSTILE, "action": HOSTILE}]
    write_audit(tmp_path, DETAILED, findings=audited, notes=[HOSTILE])
    write_ablation(tmp_path, "early", DETAILED, notes=[HOSTILE])
    build(folder, notice=print)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    markdown = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<img", markdown)
    tex = (tmp_path / "report" / "results.tex").read_text(encoding="utf-8")
    assert r"\input{x}" not in tex
    assert r"\textbackslash{}input\{x\}" in tex


def test_a_second_report_removes_the_figures_of_studies_that_are_gone(tmp_path: Path) -> None:
    folder = write(tmp_path, ["lexical", "early"], ONE_FOLD)
    path = write_comparison(tmp_path, ["lexical", "early"], ONE_FOLD)
    figure = tmp_path / "report" / "figures" / "differences.svg"
    build(folder, notice=print)
    assert figure.exists()
    path.unlink()
    build(folder, notice=print)
    assert not figure.exists()
