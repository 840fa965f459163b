"""Names that are markup, formulas or commands show as they are, from the corpus to the report."""

import csv
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import sandbox

from memr_cli.results.predictions import Predictions

CLASSES = ("=HYPERLINK(1)", "<script>document.title='ran'</script>", "$\\frac{", "-->]]><b>")
SPEAKERS = (
    '"><img src=x onerror=alert(1)>',
    "\\input{/etc/passwd}",
    "![x](http://e.org/x.png)",
    "@SUM(A1)|`id`",
)
PLACE = ("--epochs", "1", "--folds", "2")


def corpus(folder: Path, rows: int = 96) -> Path:
    """A corpus whose speakers, sessions, dialogues, utterances and classes have such names."""
    rng = np.random.default_rng(0)
    (folder / "features").mkdir(parents=True)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")
    head = ["file_name_list", "speakers", "visual_features", "acoustic_features"]
    with (folder / "dataset.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*head, "lexical_features", "emotion_labels", "session", "dialogue"])
        for row in range(rows):
            speaker = row % len(SPEAKERS)
            paths = []
            for name in ("visual", "acoustic", "lexical"):
                paths.append(f"/features/{name}{row}.npy")
                np.save(folder / "features" / f"{name}{row}.npy", rng.normal(size=(2, 3)))
            session = f"=s{speaker // 2}<i>"
            names = [f"={row}{{{{7*7}}}}</td>;", SPEAKERS[speaker]]
            label = rng.integers(len(CLASSES))
            writer.writerow([*names, *paths, label, session, f"+d{row % 8}"])
    return folder


class Page(HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that memr writes about such a corpus."""
    folder = tmp_path_factory.mktemp("named")
    store = ("--store", folder / "memr.h5")
    commands: list[tuple[str | Path, ...]] = [
        ("ingest", corpus(folder / "raw")),
        ("evaluate", "--method", "lexical", "--method", "early", "--method", "late", *PLACE),
        ("compare", "lexical", "early"),
        ("ablate", "early", *PLACE),
        ("audit", "--folds", "2"),
        ("report",),
    ]
    for command in commands:
        ended = sandbox.survives(*command, *store)
        assert ended.code == 0, ended.stderr
    return folder


pytestmark = pytest.mark.skipif(not sandbox.CASES, reason="for a hunt: it takes half a minute")


def test_the_page_has_no_element_of_a_name(reported: Path) -> None:
    page = Page((reported / "report" / "report.html").read_text(encoding="utf-8"))
    assert not page.elements & {"script", "b", "i", "td>"} - {"td"}
    assert not {name for name in page.attributes if name.startswith("on")}
    for name in (*CLASSES, *SPEAKERS):
        assert name in page.text


def test_the_page_in_a_browser_runs_and_asks_for_nothing(reported: Path) -> None:
    sys.path.append(str(Path(__file__).parent.parent / "reporting"))
    from headless import find_browser

    browser = find_browser(reported)
    page = reported / "report" / "report.html"
    shown = browser.dump(page)
    assert "<title>ran" not in shown
    assert browser.screenshot(page, reported / "page.png") == []


def test_markdown_and_latex_hold_no_markup_of_a_name(reported: Path) -> None:
    markdown = (reported / "report" / "report.md").read_text(encoding="utf-8")
    outside = re.sub(r"```.*?```", "", markdown, flags=re.S)
    assert not re.search(r"(?<!\\)<(script|img|i|b)", outside)
    assert "(http://" not in outside
    latex = (reported / "report" / "results.tex").read_text(encoding="utf-8")
    assert not re.search(r"\\(input|write|frac)", latex)


def test_no_cell_of_a_name_begins_a_formula(reported: Path) -> None:
    for path in [*reported.glob("predictions/*/*.csv"), reported / "report" / "results.csv"]:
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_names_come_back_from_predictions(reported: Path) -> None:
    found = Predictions.read(reported / "predictions" / "speaker" / "early.csv")
    assert found.class_names == CLASSES
    assert set(found.speakers) == set(SPEAKERS)
    assert all(name.startswith("=") for name in found.utterances)


def test_figures_are_well_formed(reported: Path) -> None:
    for path in (reported / "report" / "figures").glob("*.svg"):
        ET.parse(path)  # noqa: S314 - what memr has just written
