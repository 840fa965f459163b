"""The options of `memr report`: methods, metrics and digits."""

import csv
import re
from pathlib import Path

import pytest
from built import build, group_of, told_of
from made_results import Experiment, folds_of, write

from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.evaluation.metrics import REGISTRY
from memr_cli.reporting.choice import choose
from memr_cli.reporting.documents import as_latex

SMALL = Experiment(folds=folds_of(2))


def test_chosen_methods_alone_are_in_every_table(tmp_path: Path) -> None:
    folder = write(tmp_path, ["lexical", "early", "late"], SMALL)
    found = build(folder, notice=pytest.fail, choice=choose(["text", "late"], [], None))
    assert [row["method"] for row in found["rows"]] == ["lexical", "late"]
    assert found["notes"] == []
    lines = list(csv.DictReader(Path(found["files"]["csv"]).read_text().splitlines()))
    assert [line["method"] for line in lines] == ["lexical", "late"]
    assert "early" not in Path(found["files"]["latex"]).read_text()


def test_chosen_metrics_and_digits_shape_the_tables(tmp_path: Path) -> None:
    folder = write(tmp_path, ["lexical", "early"], SMALL)
    choice = choose([], ["uar", "f1_weighted"], 3)
    told = told_of(folder, metrics=choice.metrics, digits=choice.digits)
    assert told.results.head[:2] == ("Method", "UAR")
    assert re.fullmatch(r"\d+\.\d{3}\s±\s\d+\.\d{3}", told.results.rows[2][1])
    assert told.page.headline.startswith("The highest mean UAR is that of ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((["early", "early"], [], None), "--method early is given twice"),
        (([], ["uar", "uar"], None), "--metric uar is given twice"),
        (([], ["auc"], None), "--metric is auc; give one of f1_micro"),
        (([], [], 5), "--digits is 5; give a number from 0 to 4"),
    ],
)
def test_an_option_without_effect_or_meaning_is_a_usage_error(
    options: tuple[list[str], list[str], int | None], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        choose(*options)


def test_a_chosen_method_without_a_result_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path, ["lexical"], SMALL)
    with pytest.raises(UnsupportedError, match="no result of early to report; evaluated are lex"):
        build(folder, notice=print, choice=choose(["early"], [], None))


def test_latex_marks_the_best_of_each_metric_and_leaves_out_what_was_not_evaluated(
    tmp_path: Path,
) -> None:
    told = told_of(write(tmp_path, ["lexical", "early"], SMALL))
    tex = as_latex([told.page])
    assert tex.count(r"\textbf{") == sum("report" in metric.tables for metric in REGISTRY)
    assert "not evaluated" not in tex
    assert "visual &" not in tex
    best = max(group_of_folder(tmp_path), key=lambda pair: pair[1])[0]
    assert re.search(rf"{best} & \\textbf", tex)


def group_of_folder(root: Path) -> list[tuple[str, float]]:
    from memr_cli.results.folder import ResultFolder

    one = group_of(ResultFolder(root))
    return [(result.method, result.metrics["f1_micro"].mean or 0.0) for result in one.results]
