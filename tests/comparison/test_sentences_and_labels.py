"""Sentences, notes, labels and file names of comparisons."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_methods import evaluation

from memr_cli.comparison.evaluated import Evaluated
from memr_cli.comparison.labels import file_name, labels_of
from memr_cli.comparison.pairing import pair
from memr_cli.comparison.sentences import points, same_decisions, sentence, span
from memr_cli.evaluation.columns import Columns
from memr_cli.evaluation.significance import METRICS, format_p
from memr_cli.results.comparison import Difference, TTest
from memr_cli.results.folder import ResultFolder
from memr_cli.results.predictions import Predictions


def found(
    difference: float,
    ci95: tuple[float, float] | None,
    p: float,
    p_holm: float | None = None,
    t: float | None = None,
) -> Difference:
    return Difference(
        first=0.5,
        second=0.5 + difference,
        difference=difference,
        ci95=ci95,
        p=p,
        p_holm=p if p_holm is None else p_holm,
        t=TTest(statistic=None, df=4, p=t),
    )


def said(
    accuracy: Difference, *, corrected: bool = False, n_speakers: int = 6, **others: Difference
) -> str:
    differences = {**dict.fromkeys(METRICS, accuracy), **others}
    return sentence("lexical", "early", differences, n_speakers, corrected=corrected)


BETTER = found(0.057, (0.039, 0.076), 0.0002)


def test_a_difference_in_words() -> None:
    assert said(BETTER, corrected=True) == (
        "early is better than lexical on these 6 speakers: +5.7 points accuracy, interval 3.9 to "
        "7.6 (p = 0.0002 after Holm's correction)"
    )
    assert said(found(-0.02, (-0.03, -0.01), 0.04)) == (
        "early is worse than lexical on these 6 speakers: -2.0 points accuracy, interval -3.0 to "
        "-1.0 (p = 0.04)"
    )


def test_no_difference_in_words() -> None:
    assert said(found(0.003, (-0.019, 0.024), 0.7)) == (
        "lexical and early cannot be told apart on these 6 speakers: early scores 0.3 points "
        "higher in accuracy, interval -1.9 to 2.4 (p = 0.7)"
    )
    lower = said(found(-0.043, (-0.107, 0.02), 0.2))
    assert ": early scores 4.3 points lower in accuracy, interval -10.7 to 2.0 (p = 0.2)" in lower
    assert ": +0.0 points accuracy, " in said(found(-0.0001, (-0.02, 0.02), 0.9))
    assert "no interval" in said(found(0.003, None, 0.7))


def test_one_is_singular() -> None:
    assert "than lexical on this 1 speaker: " in said(BETTER, n_speakers=1)
    assert same_decisions("a", "b", 1) == "a and b make the same decisions on the only utterance"


@pytest.mark.parametrize(
    ("accuracy", "doubt"),
    [
        (found(0.02, (-0.01, 0.05), 0.01), "yet the interval includes 0"),
        (
            found(0.02, (0.01, 0.05), 0.01, t=0.16),
            "yet the t-test over folds does not tell them apart (p = 0.16)",
        ),
        (
            found(0.02, (-0.01, 0.05), 0.01, t=0.16),
            "yet the interval includes 0 and the t-test over folds does not tell them apart (p = 0",
        ),
        (
            found(0.02, None, 0.01, t=0.16),
            "yet the t-test over folds does not tell them apart (p = 0.16)",
        ),
        (found(0.02, (0.01, 0.05), 0.3), "yet the interval excludes 0"),
        (
            found(0.02, (0.01, 0.05), 0.03, 0.09),
            "yet the interval excludes 0, and before Holm's correction p = 0.03",
        ),
    ],
)
def test_interval_and_test_that_disagree_are_said_to(accuracy: Difference, doubt: str) -> None:
    assert f"; {doubt}" in said(accuracy)
    assert "yet" not in said(BETTER)
    assert "yet" not in said(found(0.02, (0.01, 0.05), 0.01, t=0.049))
    assert "yet" not in said(found(0.02, (-0.01, 0.05), 0.3, t=0.01))


def test_a_metric_that_says_otherwise_is_named() -> None:
    even = found(0.001, (-0.02, 0.02), 0.9)
    worse = found(-0.03, (-0.05, -0.01), 0.001)
    assert said(BETTER, uar=even).endswith("; by UAR they cannot be told apart (p = 0.9)")
    assert said(BETTER, f1_macro=worse).endswith(
        "; by macro-F1 early is worse: -3.0 points (p = 0.001)"
    )
    assert said(even, uar=worse).endswith("; by UAR early is worse: -3.0 points (p = 0.001)")
    doubted = found(-0.03, (-0.05, 0.01), 0.001, t=0.4)
    assert said(even, uar=doubted).endswith(
        "; by UAR early is worse: -3.0 points (p = 0.001), yet the interval includes 0 and the "
        "t-test over folds does not tell them apart (p = 0.4)"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (points(0.0571), "+5.7"),
        (points(-0.0004), "+0.0"),
        (points(0.0), "+0.0"),
        (points(-0.0119), "-1.2"),
        (span((-0.019, 0.0241)), "-1.9 to 2.4"),
        (span((-0.0001, 0.0241)), "0.0 to 2.4"),
        (format_p(1 / 10_001 * 3), "0.0003"),
        (format_p(1 / 10_001), "< 0.0001"),
        (format_p(1.0), "1"),
    ],
)
def test_figures_are_short_and_carry_their_sign(text: str, expected: str) -> None:
    assert text == expected


def result(
    method: str = "acoustic",
    *,
    folder: Path = Path("a"),
    n: int = 1,
    preset: str = "default",
    **settings: Any,
) -> Evaluated:
    if method == "early":
        settings = {"modalities": ["acoustic", "lexical"], **settings}
    made = evaluation(
        method,
        class_names=["x", "y"],
        tested=[n],
        protocol="session",
        settings=settings,
        preset=preset,
    )
    return Evaluated(made, ResultFolder(folder))


BY_SPEAKER = {"acoustic": "speaker"}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([result(), result("early")], ["acoustic", "early"]),
        (
            [result(), result(normalize=BY_SPEAKER), result("early")],
            ["acoustic (normalize global)", "acoustic (normalize speaker)", "early"],
        ),
        (
            [result(), result(preset="original")],
            ["acoustic (preset default)", "acoustic (preset original)"],
        ),
        (
            [result(), result(overrides={"batch_size": 8})],
            ["acoustic (batch size as preset)", "acoustic (batch size 8)"],
        ),
        (
            [result("early"), result("early", normalize=BY_SPEAKER)],
            ["early (normalize acoustic global)", "early (normalize acoustic speaker)"],
        ),
        (
            [result(), result(folder=Path("b"))],
            ["acoustic (in a)", "acoustic (in b)"],
        ),
        (
            [
                result(folder=Path("x/a")),
                result(folder=Path("y/a")),
                result(folder=Path("y/a"), preset="original"),
            ],
            None,
        ),
    ],
)  # fmt: skip
def test_labels_say_what_tells_results_apart(
    results: list[Evaluated], expected: list[str] | None
) -> None:
    found = labels_of(results)
    assert len(set(found)) == len(results)
    assert expected is None or list(found) == expected


def test_file_names_are_safe_and_bounded() -> None:
    assert file_name(["lexical", "early"]) == file_name(["early", "lexical"]) == "early+lexical"
    assert file_name(["acoustic (normalize speaker)"]) == "acoustic-normalize-speaker"
    assert file_name(["a (class_weights none)"]) == "a-class_weights-none"
    assert file_name(["a (seeds 0 1, in x)"]).startswith("a-seeds-0-1-in-x-")
    assert file_name(["a (in ../x/y)"]).startswith("a-in-..-x-y-")
    long = [f"method{i} (preset original, batch size {i})" for i in range(20)]
    alike = ["x-y", "x/y", "x y", "x,y", "x#y", "X-y", "x--y", "x-y.", "-x-y", "実験一", "実験二"]
    assert len({file_name([f"a (in {folder})"]) for folder in alike}) == len(alike)
    assert len(file_name(long)) < 140
    assert file_name(long) != file_name(long[:-1])


@pytest.mark.parametrize("named", [["late", "acoustic", "early"], ["a (in x)", "b", "c" * 200]])
def test_a_comparison_against_one_method_has_a_file_of_its_own(named: list[str]) -> None:
    names = [file_name(named), *(file_name(named, against) for against in named)]
    assert len(set(names)) == len(names)
    assert file_name(named[::-1], named[0]) == file_name(named, named[0])
    if "late" in named:
        assert names[1] == "acoustic+early@late"


def test_labels_do_not_depend_on_the_order_of_results() -> None:
    results = [result(overrides={"batch_size": 8}), result(overrides={"hidden": 64})]
    assert labels_of(results) == labels_of(results[::-1])[::-1]


def test_what_has_no_dialogue_is_swapped_by_speaker_and_session(tmp_path: Path) -> None:
    columns = Columns(
        speaker=np.array([0, 0, 0, 1, 1, 1]),
        speaker_names=("a", "b"),
        session=np.array([0, 0, 1, 1, 1, 1]),
        session_names=("1", "2"),
        dialogue=np.array([-1, -1, -1, -1, 0, 0]),
        label=np.zeros(6, int),
        split=np.full(6, -1),
        split_names=(),
    )
    ids = tuple("uvwxyz")
    nothing = np.zeros(6, np.int64)
    predictions = Predictions(
        ids, ids, nothing, nothing, nothing, nothing, np.eye(2)[nothing], ("x", "y")
    )
    folder = ResultFolder(tmp_path)
    predictions.write(folder.predictions("session", "acoustic"))
    paired = pair([result(folder=tmp_path, n=6)] * 2, ids, columns)
    unit = paired.shared.unit
    assert unit[0] == unit[1]
    assert unit[4] == unit[5]
    assert len(set(unit.tolist())) == 4
    assert paired.undialogued == 4
