"""How a report shows what methods weigh: by utterance, and what combinations learned."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from built import Told
from made_results import Experiment, folds_of, write

from memr_cli.reporting.drawing.palette import method_colours
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import load
from memr_cli.reporting.section import Part
from memr_cli.reporting.sections.calibration import Judged
from memr_cli.reporting.sections.weights import MeanWeights
from memr_cli.results import evaluation

GIVEN = {
    "modalities": ["acoustic", "lexical"],
    "n": 30,
    "mean": {"acoustic": 0.4, "lexical": 0.6},
    "by_class": {
        "anger": {"n": 10, "acoustic": 0.7, "lexical": 0.3},
        "sadness": {"n": 20, "acoustic": 0.25, "lexical": 0.75},
    },
}


def made(root: Path, methods: list[str], experiment: Experiment | None = None, **changes: Any):
    (one,) = group(load(write(root, methods, experiment, **changes), print))
    return one


def drawn(one: Group) -> list[Any]:
    found = told(one).get("weights")
    return [] if found is None else [*found.figures]


def told(one: Group) -> dict[str, Part]:
    found = Told(one).parts
    return {key: found[key] for key in ("weights", "fusion") if key in found}


def test_nothing_is_said_where_no_method_weighs(tmp_path: Path) -> None:
    one = made(tmp_path, ["lexical", "early", "late-mean"], Experiment(detailed=True))
    assert told(one) == {}
    assert drawn(one) == []


def test_no_utterance_with_every_modality_gives_no_weights(tmp_path: Path) -> None:
    assert told(made(tmp_path, ["gated"], modality_weights=None)) == {}
    found = msgspec.convert({**GIVEN, "n": 0}, evaluation.ModalityWeights)
    assert MeanWeights.of(found) is None


def test_the_heaviest_modality_and_its_classes_are_named(tmp_path: Path) -> None:
    part = told(made(tmp_path, ["gated"], modality_weights=GIVEN))["weights"]
    assert part.sentence == (
        "gated gives lexical the most weight, 0.60 on average, from 0.30 (anger) to 0.75 (sadness)."
    )
    (line,) = part.lines
    assert "does not explain the decision, and names no cause" in line
    (table,) = part.tables
    assert table.table.head == ("Method", "Class", "n", "acoustic", "lexical")
    assert table.table.rows == (
        ("gated", "all", "30", "0.400", "0.600"),
        ("gated", "anger", "10", "0.700", "0.300"),
        ("gated", "sadness", "20", "0.250", "0.750"),
    )
    assert "utterances that have every modality of the method" in table.caption


@pytest.mark.parametrize(
    ("experiment", "counted"),
    [
        (Experiment(), "one for each utterance."),
        (Experiment(seeds=(0, 1)), "one for each utterance and seed."),
        (Experiment(seeds=(0, 1), ensemble=True), "one for each utterance."),
    ],
)
def test_the_caption_says_what_is_counted(
    tmp_path: Path, experiment: Experiment, counted: str
) -> None:
    part = told(made(tmp_path, ["gated"], experiment, modality_weights=GIVEN))["weights"]
    assert part.tables[0].caption.endswith(counted)


def test_the_figure_shows_every_method_that_weighs_and_every_class_it_met(tmp_path: Path) -> None:
    one = made(tmp_path, ["lexical", "gated", "temporal-gru"], Experiment(detailed=True))
    write(tmp_path, ["gated"], Experiment(detailed=True), modality_weights=GIVEN)
    (one,) = group(load(write(tmp_path, []), print))
    (figure,) = Told(one, drawn=True).parts["weights"].figures
    assert figure.name == "weights"
    assert "gated, all classes: acoustic 0.40, lexical 0.60; anger: acoustic 0.70" in figure.alt
    assert "happiness" not in figure.alt.partition("temporal-gru")[0]
    assert figure.alt.count("neutral") == 1
    colours = method_colours(())
    assert all(colours[name] in figure.svg for name in ("visual", "acoustic", "lexical"))


def test_more_methods_and_classes_than_a_sheet_holds_are_cut(tmp_path: Path) -> None:
    names = [f"class {i}" for i in range(14)]
    experiment = Experiment(classes=names, folds=folds_of(1), detailed=True)
    methods = ["context", "context-causal", "gated", "temporal-gru", "temporal-transformer"]
    figures = drawn(made(tmp_path, methods, experiment))
    assert [one.name for one in figures] == ["weights-1", "weights-2"]
    assert figures[1].caption.endswith("Part 2 of 2.")
    assert sum(one.alt.count("all classes") for one in figures) == 5


def test_fitted_weights_are_told_with_their_range_and_what_they_rest_on(tmp_path: Path) -> None:
    one = made(tmp_path, ["late-stack", "late-weighted"], Experiment(seeds=(0, 1), detailed=True))
    part = told(one)["fusion"]
    assert part.sentence == (
        "late-stack is fitted in each fold on 180 to 184 validation rows; what it learned is in "
        "its metrics file. late-weighted is fitted in each fold on 180 to 184 validation rows, and "
        "weighs on average visual 0.22, acoustic 0.32 and lexical 0.42."
    )
    (table,) = part.tables
    assert table.table.rows[0] == (*("late-weighted", "visual", "0.220", "0.200 to 0.240", "10"),)
    assert len(table.table.rows) == 3


def test_fits_that_had_too_few_rows_are_counted(tmp_path: Path) -> None:
    run = {"fold": 0, "seed": 0}
    parameters = {"weights": {"lexical": 0.8, "visual": 0.2}}
    weighed = {**run, "n": 90, "fitted": True, "parameters": parameters}
    fusion = [weighed, {**run, "n": 2, "fitted": False, "parameters": {}}]
    part = told(made(tmp_path, ["late-weighted"], fusion=fusion))["fusion"]
    assert part.sentence == (
        "late-weighted is fitted in each fold on 2 to 90 validation rows (too few to learn from in "
        "1 of 2 fits), and weighs on average lexical 0.80 and visual 0.20."
    )
    (table,) = part.tables
    assert [row[-1] for row in table.table.rows] == ["1", "1"]


def test_a_combination_without_a_weight_for_each_modality_has_no_table(tmp_path: Path) -> None:
    run = {"fold": 0, "seed": 0, "n": 3, "fitted": True}
    fusion = [{**run, "parameters": {"weights": [[0.1, 0.2]], "coefficients": [1.0]}}]
    part = told(made(tmp_path, ["late-stack"], fusion=fusion))["fusion"]
    assert part.tables == ()


def test_a_mean_of_probabilities_is_no_vote(tmp_path: Path) -> None:
    one = made(tmp_path, ["late", "late-mean"], Experiment(detailed=True))
    late, mean = one.results
    assert (late.votes, mean.votes) == (True, False)
    assert Judged.of(late.calibration) is None
    assert Judged.of(mean.calibration) is not None
