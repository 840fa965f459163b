import json
import re
import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from built import Told, told_of
from made_results import FIVE, Experiment, folds_of, write
from made_studies import write_ablation, write_audit, write_comparison

from memr_cli.reporting.drawing.canvas import Drawing, shortened, style, text_width
from memr_cli.reporting.drawing.palette import DARK, cell, dark, method_colours
from memr_cli.reporting.groups import Group, group
from memr_cli.reporting.loading import Studies, load, studies
from memr_cli.results.folder import ResultFolder

LONG = [f"an emotion with a very long name, number {i}" for i in range(12)]
MANY = (*FIVE, "gated-multimodal-unit", *(f"method{i}" for i in range(6)))


def made(
    root: Path, methods: tuple[str, ...] = FIVE, experiment: Experiment | None = None
) -> Group:
    (one,) = group(load(write(root, methods, experiment), print))
    return one


def drawn(
    one: Group, notices: list[str] | None = None, found: Studies | None = None
) -> list[Drawing]:
    told = Told(one, found, drawn=True)
    if notices is not None:
        notices += told.notices
    return told.figures


def studied(root: Path, methods: tuple[str, ...], experiment: Experiment) -> list[Drawing]:
    """The figures of results with every kind of study."""
    one = made(root, methods, experiment)
    write_comparison(root, methods, experiment)
    write_ablation(root, "early", experiment)
    write_audit(root, experiment)
    (found,) = studies(ResultFolder(root), [one], print)
    return drawn(one, found=found)


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> list[Drawing]:
    experiment = Experiment(synthetic=True, detailed=True)
    return studied(tmp_path_factory.mktemp("figures"), FIVE, experiment)


def test_every_part_has_its_figures(figures: list[Drawing]) -> None:
    assert [figure.name for figure in figures] == [
        "comparison",
        *("differences-1", "differences-2"),
        *("shapley", "contributions", "subsets-early", "robustness-early"),
        *("reliability", "by-speaker", "per-class-f1", "confusion"),
        *(f"confusion-{method}-folds" for method in FIVE),
        "audit",
    ]
    assert all(figure.alt and figure.caption for figure in figures)


def test_svg_is_well_formed_and_png_has_300_dpi(figures: list[Drawing]) -> None:
    for figure in figures:
        root = ET.fromstring(figure.svg)  # noqa: S314 - our own file
        assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(72 * figure.width)
        pixels = matplotlib.image.imread(BytesIO(figure.png))
        assert pixels.shape[1] == pytest.approx(300 * figure.width, abs=1)


def test_no_ink_touches_the_edge_of_the_sheet(figures: list[Drawing]) -> None:
    for figure in figures:
        assert_inside(figure)


def assert_inside(figure: Drawing) -> None:
    pixels = matplotlib.image.imread(BytesIO(figure.png))[..., :3]
    edges = [pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]]
    assert all((edge == 1).all() for edge in edges), figure.name


def test_a_figure_fits_a_column_or_a_page(figures: list[Drawing]) -> None:
    assert all(figure.width <= 7.16 + 1e-9 for figure in figures)
    assert {figure.width for figure in figures if "confusion" not in figure.name} == {3.5}


def test_every_figure_of_a_synthetic_corpus_says_so(figures: list[Drawing], tmp_path: Path) -> None:
    orange = np.array([0xA8, 0x42, 0x0A]) / 255
    for figure in figures:
        pixels = matplotlib.image.imread(BytesIO(figure.png))[-50:, ..., :3]
        assert (abs(pixels - orange).max(axis=-1) < 0.1).sum() > 100, figure.name
    real = drawn(made(tmp_path, ("lexical",)))
    pixels = matplotlib.image.imread(BytesIO(real[0].png))[-50:, ..., :3]
    assert (abs(pixels - orange).max(axis=-1) < 0.1).sum() == 0


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    one = made(tmp_path, ("lexical", "early"))
    assert drawn(one) == drawn(one)


def test_a_persons_own_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    import matplotlib as mpl

    one = made(tmp_path, ("lexical",))
    expected = drawn(one)
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.bbox": "tight"}):
        assert drawn(one) == expected
        assert mpl.rcParams["font.size"] == 20


def test_every_colour_has_a_counterpart_for_a_dark_page(figures: list[Drawing]) -> None:
    for figure in figures:
        colours = set(re.findall(r"#[0-9a-f]{6}\b", figure.svg))
        assert colours <= set(DARK)
        assert not colours & set(re.findall(r"#[0-9a-f]{6}\b", dark(figure.svg)))


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("page", [str, dark], ids=["light", "dark"])
def test_marks_and_numbers_stand_out(page: type[str]) -> None:
    paper = page("#ffffff")
    for colour in method_colours(f"m{i}" for i in range(7)).values():
        assert contrast(page(colour), paper) >= 2.8
    for percent in range(101):
        fill, ink = cell(percent / 100)
        assert contrast(page(fill), page(ink)) >= 4.3


def test_methods_keep_their_colours_whoever_stands_beside_them() -> None:
    some, more = method_colours(["late"]), method_colours(MANY)
    assert all(more[method] == some[method] for method in FIVE)
    assert len({more[method] for method in MANY}) == len(MANY)


@pytest.mark.parametrize(
    ("methods", "classes", "k"),
    [
        (("lexical",), ["no", "yes"], 1),
        (("lexical",), LONG, 20),
        (MANY, LONG, 1),
    ],
    ids=["smallest", "many folds and classes", "many methods and classes"],
)
def test_all_sizes_fit_their_sheets(
    tmp_path: Path, methods: tuple[str, ...], classes: list[str], k: int
) -> None:
    experiment = Experiment(classes=classes, folds=folds_of(k), synthetic=True)
    for figure in drawn(made(tmp_path, methods, experiment)):
        assert_inside(figure)
        height = matplotlib.image.imread(BytesIO(figure.png)).shape[0] / 300
        assert height <= 10.5


def test_many_pairs_speakers_and_long_names_fit_their_sheets(tmp_path: Path) -> None:
    methods = tuple(f"a method with a very long name, number {i}" for i in range(10))
    folds = tuple(((f"a speaker called {i} of a long name", f"S{i}"), 40) for i in range(30))
    experiment = Experiment(folds=folds, synthetic=True, detailed=True)
    one = made(tmp_path, methods, experiment)
    write_comparison(tmp_path, methods, experiment)
    (found,) = studies(ResultFolder(tmp_path), [one], print)
    figures = {figure.name: figure for figure in drawn(one, found=found)}
    pairs = [figures["differences"]]
    who, sure = figures["by-speaker"], figures["reliability"]
    for figure in (*pairs, who, sure):
        assert_inside(figure)
        assert matplotlib.image.imread(BytesIO(figure.png)).shape[0] / 300 <= 10.5
    assert [figure.name for figure in pairs] == ["differences"]
    reference = found.comparisons[0].most_accurate
    assert f"of each method from {reference}, the most accurate here" in pairs[0].caption
    assert sum(figure.alt.count(" to ") for figure in pairs) == 4 * 9
    assert "the 12 of 30 tested sessions with the most utterances" in who.caption
    assert "the 32 of 60 tested speakers with the most utterances" in who.caption


def test_an_interval_that_is_not_there_leaves_its_mark_alone(tmp_path: Path) -> None:
    one = made(tmp_path, ("lexical", "early"), Experiment(folds=folds_of(1)))
    path = write_comparison(tmp_path, ("lexical", "early"), Experiment(folds=folds_of(1)))
    value = json.loads(path.read_text())
    for entry in value["pairs"][0]["metrics"].values():
        entry["ci95"] = None
        entry["difference"] = 0.1
    path.write_text(json.dumps(value))
    (found,) = studies(ResultFolder(tmp_path), [one], print)
    (figure,) = Told(one, found).parts["differences"].figures
    assert "UAR +10.0" in figure.alt
    assert " to " not in figure.alt


def test_more_than_24_folds_are_not_drawn_one_by_one(tmp_path: Path) -> None:
    one = made(tmp_path, ("lexical",), Experiment(folds=folds_of(25, 20)))
    assert Told(one).parts["confusion"].folded_figures == ()


def test_what_a_modality_contributes_needs_the_methods_for_it(tmp_path: Path) -> None:
    def captioned(methods: tuple[str, ...]) -> str | None:
        one = made(tmp_path / "-".join(methods), methods)
        found = Told(one).parts.get("contributions")
        return None if found is None else found.figures[0].caption

    both = captioned(("visual", "lexical", "early"))
    assert both is not None
    assert both.startswith("Left: what early fusion gains")
    assert both.endswith("Not evaluated, so not shown: acoustic.")
    shares = captioned(("visual", "lexical"))
    assert shares is not None
    assert shares.startswith("Each modality's F1-micro as a share")
    gain = captioned(("lexical", "early"))
    assert gain is not None
    assert gain.startswith("What early fusion gains")
    assert captioned(("lexical", "late")) is None


def test_a_character_without_a_font_is_told_of_once(tmp_path: Path) -> None:
    notices: list[str] = []
    # From the private use area, which no font covers.
    one = made(tmp_path, ("lexical",), Experiment(classes=("\uf5a0", "x", "y")))
    assert drawn(one, notices)
    assert len(notices) == 1
    assert "No installed font" in notices[0]


def test_a_dollar_sign_in_a_name_is_a_dollar_sign(tmp_path: Path) -> None:
    # As mathematics it would not parse.
    assert drawn(made(tmp_path, ("lexical",), Experiment(classes=(r"$\oops{$", "x"))))


def test_a_shortened_name_fits_and_keeps_both_ends() -> None:
    with style():
        text = shortened("a very long name of an emotion 7", 1.0)
        assert text_width(text) <= 1.0
        assert text.startswith("a very")
        assert text.endswith("n 7")
        assert shortened("calm", 1.0) == "calm"


@pytest.mark.parametrize("k", [1, 3])
def test_an_axis_that_does_not_start_at_zero_says_so(tmp_path: Path, k: int) -> None:
    one = made(tmp_path, ("lexical", "early"), Experiment(folds=folds_of(k)))
    (figure,) = Told(one).parts["results"].figures
    assert figure.caption.count("The axis does not start at zero.") == 1


def test_the_probes_name_what_they_stand_beside_and_the_diamonds_value(tmp_path: Path) -> None:
    folder = write(tmp_path, ("early",))
    write_audit(tmp_path)
    (figure,) = told_of(folder).parts["audit"].figures
    assert "always the most frequent speaker: visual 61.0 / 12.0 / 20.0" in figure.alt
    assert "Diamonds, the third number" in figure.caption
