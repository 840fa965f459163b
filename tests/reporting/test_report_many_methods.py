"""A report of fifteen methods stays legible: grids where colours would not tell them apart."""

from dataclasses import replace
from io import BytesIO

import matplotlib.image
import pytest
from built import Told
from made_results import FIFTEEN, FIVE, Experiment, folds_of, write
from made_studies import write_comparison

from memr_cli.reporting.documents import as_latex, page
from memr_cli.reporting.drawing.canvas import Drawing
from memr_cli.reporting.drawing.palette import DARK, dark
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Studies, load, studies
from memr_cli.reporting.sections.differences import shown_pairs
from memr_cli.results.comparison import Comparison
from memr_cli.results.folder import ResultFolder

EXPERIMENT = Experiment(folds=folds_of(2), synthetic=True, detailed=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Group, Studies]:
    root = tmp_path_factory.mktemp("many")
    folder = write(root, tuple(reversed(FIFTEEN)), EXPERIMENT)
    write_comparison(root, FIFTEEN, EXPERIMENT)
    (one,) = group(load(folder, print))
    (found,) = studies(ResultFolder(root), [one], print)
    return one, found


@pytest.fixture(scope="module")
def figures(told: Told) -> dict[str, Drawing]:
    return {figure.name: figure for figure in told.figures}


@pytest.fixture(scope="module")
def told(made: tuple[Group, Studies]) -> Told:
    return Told(*made, drawn=True)


def test_the_five_come_first_and_the_others_by_name(told: Told) -> None:
    methods = [row[0] for row in told.results.rows]
    assert methods == [*FIVE, *sorted(set(FIFTEEN) - set(FIVE))]


def test_every_figure_is_drawn_inside_its_sheet(figures: dict[str, Drawing]) -> None:
    for name, figure in figures.items():
        pixels = matplotlib.image.imread(BytesIO(figure.png))[..., :3]
        edges = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
        assert all((edge == 1).all() for edge in edges), name
        assert pixels.shape[0] / 300 <= 9.5, name
        assert not set(DARK) & set(dark(figure.svg).split('"')), name


def test_classes_and_speakers_stand_in_grids_with_every_number(figures: dict[str, Drawing]) -> None:
    for name in ("per-class-f1", "by-speaker"):
        figure = figures[name]
        assert figure.alt.startswith("Grid of F1")
        assert (
            "Shade: from the lowest score shown (faint) to the highest (strong)" in figure.caption
        )
        assert all(f"{method} " in figure.alt for method in FIFTEEN)


def test_few_methods_keep_their_bars_and_dots(made: tuple[Group, Studies]) -> None:
    one, _ = made
    few = {one.name: one for one in Told(replace(one, results=one.results[:6])).figures}
    assert few["per-class-f1"].alt.startswith("Grouped bars")
    assert few["by-speaker"].alt.startswith("Dot plot")


def test_only_the_highest_mean_is_drawn_fold_by_fold(
    made: tuple[Group, Studies], figures: dict[str, Drawing]
) -> None:
    one, _ = made
    best = max(one.results, key=lambda result: result.metrics["f1_micro"].mean or 0.0).method
    assert [name for name in figures if name.endswith("-folds")] == [f"confusion-{best}-folds"]
    caption = figures[f"confusion-{best}-folds"].caption
    assert caption.startswith(f"Confusion of {best} (the highest mean F1-micro) by fold.")


def test_methods_stand_below_each_other_in_the_table_of_classes(told: Told) -> None:
    assert told.per_class.table.head == ("Method", *EXPERIMENT.classes)
    assert [row[0] for row in told.per_class.table.rows] == [
        "n",
        *[row[0] for row in told.results.rows],
    ]


def test_the_page_is_small_and_holds_every_figure(told: Told) -> None:
    text = page([told.page])
    assert text.count("<img") == len(told.figures)
    assert len(text.encode()) < 3_000_000


def compared(made: tuple[Group, Studies]) -> Comparison:
    (one,) = made[1].comparisons
    return one


def test_the_reference_is_the_most_accurate_and_every_pair_has_it(
    made: tuple[Group, Studies],
) -> None:
    one = compared(made)
    reached: dict[str, float] = {}
    for pair in one.pairs:
        accuracy = pair.metrics["accuracy"]
        reached[pair.first], reached[pair.second] = accuracy.first or 0, accuracy.second or 0
    assert one.most_accurate == max(reached, key=lambda label: reached[label])
    assert len(shown_pairs(one)) == 14
    assert {pair.first for pair in shown_pairs(one)} == {one.most_accurate}


def test_a_pair_seen_from_the_other_side_is_turned_in_all_its_numbers(
    made: tuple[Group, Studies],
) -> None:
    pair = compared(made).pairs[0]
    turned = pair.against(pair.second)
    assert (turned.first, turned.second) == (pair.second, pair.first)
    for name, found in pair.metrics.items():
        other = turned.metrics[name]
        assert found.difference is not None
        assert found.ci95 is not None
        assert other.difference == -found.difference
        assert other.ci95 == (-found.ci95[1], -found.ci95[0])
        assert (other.first, other.second) == (found.second, found.first)
        assert other.p_holm == found.p_holm
    assert pair.against(pair.first) == pair


def test_many_pairs_are_shown_against_one_and_corrected_over_all(
    made: tuple[Group, Studies], told: Told, figures: dict[str, Drawing]
) -> None:
    one = compared(made)
    part = told.parts["differences"]
    assert " of 105 pairs differ at p < 0.05 after Holm's correction" in part.sentence
    assert f"Only pairs with {one.most_accurate}, the most accurate method here" in part.sentence
    pairs, matrix = part.tables
    assert len(pairs.table.rows) == 4 * 14
    assert sum("were compared" in line for line in part.lines) == 14
    assert matrix.table.head == ("Method", *FIFTEEN)
    assert "comparisons/speaker/" in matrix.caption
    drawn = [figure.alt for name, figure in figures.items() if name.startswith("differences")]
    assert sum(alt.count(f"less that of {one.most_accurate}") for alt in drawn) == 4


def test_the_matrix_holds_every_pair_once_with_each_sign(
    made: tuple[Group, Studies], told: Told
) -> None:
    part = told.parts["differences"]
    cells = {
        (row[0], column): cell
        for row in part.tables[1].table.rows
        for column, cell in zip(FIFTEEN, row[1:], strict=True)
    }
    assert sum(cell == "\N{EN DASH}" for cell in cells.values()) == 15
    pair = compared(made).pairs[17]
    difference = pair.metrics["accuracy"].difference
    assert difference is not None
    value = cells[pair.second, pair.first].strip("*").replace("\N{MINUS SIGN}", "-")
    assert float(value) == pytest.approx(100 * difference, abs=0.051)
    other = cells[pair.first, pair.second].strip("*").replace("\N{MINUS SIGN}", "-")
    assert float(other) == -float(value)


def test_a_paper_gets_the_pairs_that_are_shown(told: Told) -> None:
    (captioned,) = told.parts["differences"].paper
    assert len(captioned.table.rows) == 14
    assert "over 105 pairs" in captioned.caption
    assert "over 105 pairs" in as_latex([told.page])
