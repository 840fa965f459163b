import base64
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from built import build
from headless import Browser, Keyboard, find_browser
from made_results import Experiment, folds_of, write
from made_studies import write_ablation, write_audit, write_comparison

from memr_cli.results.folder import ResultFolder

# Runs in a copy of the page without its policy, which forbids scripts.
MEASURE = """<script>
addEventListener("load", async () => {
  const images = [...document.images];
  await Promise.all(images.map((image) => image.decode().catch(() => null)));
  parent.postMessage(JSON.stringify({
    figures: images.map((image) => [image.alt, image.naturalWidth, image.clientWidth]),
    narrow: images.filter((image) => !image.closest(".wide")).map((image) => image.clientWidth),
    dark: images.map((image) => image.currentSrc === image.src ? "light" : "dark"),
    requested: performance.getEntriesByType("resource").map((entry) => entry.name)
      .filter((name) => !name.startsWith("data:")),
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    scheme: getComputedStyle(document.documentElement).backgroundColor,
    headings: [...document.querySelectorAll("h1,h2,h3,h4")].map((h) => Number(h.tagName[1])),
    scripts: document.scripts.length,
  }), "*");
});
</script></body>"""
FRAME = """<!DOCTYPE html><pre></pre><iframe src="{page}" style="width:{width}px;height:900px">
</iframe><script>onmessage = (e) => document.querySelector("pre").textContent = btoa(
  unescape(encodeURIComponent(e.data)));</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page")
    names = ["<script>document.title = 1</script>", "sadness", 'a"b', "contentment and calm"]
    one = Experiment(classes=names, synthetic=True, detailed=True)
    write(root, ["lexical", "early", "late", "gated"], one)
    write_comparison(root, ["lexical", "early"], one)
    write_ablation(root, "early", one)
    write_audit(root, one, notes=names)
    two = Experiment(protocol="session", folds=folds_of(2), synthetic=True)
    write(root, ["lexical"], two)
    return Path(build_quietly(root)["files"]["html"])


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return find_browser(tmp_path)


def build_quietly(root: Path) -> dict[str, Any]:
    return build(ResultFolder(root), notice=lambda _: None)


def measure(
    browser: Browser, page: Path, folder: Path, width: int, *, dark: bool = False
) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    free = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", text)
    assert free != text, "the page has lost its policy"
    copy = folder / "copy.html"
    copy.write_text(free.replace("</body>", MEASURE), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(page=copy.as_uri(), width=width), encoding="utf-8")
    found = re.search(r"<pre>([A-Za-z0-9+/=]+)</pre>", browser.dump(frame, dark=dark))
    assert found, "the page reported nothing"
    measured: dict[str, Any] = json.loads(base64.b64decode(found[1]))
    return measured


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_figure_is_drawn_and_no_script_of_the_data_runs(
    browser: Browser, page: Path, tmp_path: Path, dark: bool
) -> None:
    measured = measure(browser, page, tmp_path, 1000, dark=dark)
    assert len(measured["figures"]) == page.read_text(encoding="utf-8").count("<img") >= 18
    assert all(alt and natural > 100 and shown > 100 for alt, natural, shown in measured["figures"])
    assert set(measured["dark"]) == {"dark" if dark else "light"}
    assert measured["scheme"] == ("rgb(20, 23, 28)" if dark else "rgb(255, 255, 255)")
    assert measured["scripts"] == 1  # the one that measures
    assert measured["requested"] == []


def test_it_fits_a_phone_and_its_headings_are_in_order(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    measured = measure(browser, page, tmp_path, 360)
    assert measured["overflow"] <= 0
    assert measured["narrow"]
    assert max(measured["narrow"]) <= 360 - 24
    levels = measured["headings"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_nothing_is_requested_from_anywhere_and_the_page_is_not_blank(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    image = tmp_path / "page.png"
    assert browser.screenshot(page, image) == []
    pixels = matplotlib.image.imread(image)[..., :3]
    assert pixels.shape[:2] == (2000, 1000)
    colours = (pixels[::2, ::2] * 255).astype(np.int64) @ np.array([65536, 256, 1])
    assert len(np.unique(colours)) > 50
    marks = abs(pixels * 255 - [0xD0, 0x53, 0x0C]).max(axis=-1) < 4  # of early, in no style
    assert marks.sum() > 100, "the figures are not there under the page's own policy"
    # Ink all the way down, not only a title.
    assert all((band < 0.5).any() for band in np.array_split(pixels, 4))


def test_the_network_log_would_show_a_request(browser: Browser, tmp_path: Path) -> None:
    leaky = tmp_path / "leaky.html"
    leaky.write_text('<img src="http://198.51.100.1/pixel.png">')
    assert browser.screenshot(leaky, tmp_path / "x.png") == ["http://198.51.100.1/pixel.png"]


FOCUSED = """(() => {
  const it = document.activeElement, style = getComputedStyle(it);
  return [it.tagName, it.getAttribute("href") || it.textContent.trim(), style.outlineStyle];
})()"""


def test_keys_alone_reach_everything_and_show_where_they_are(browser: Browser, page: Path) -> None:
    with Keyboard(browser, page) as keyboard:
        reached = []
        for _ in range(200):
            keyboard.press("Tab")
            reached.append(tuple(keyboard.ask(FOCUSED)))
            if reached[-1][1] == "report.md":
                break
        assert reached[-1][1] == "report.md", "the last link of the page was not reached"
        text = page.read_text(encoding="utf-8")
        assert [tag for tag, *_ in reached].count("SUMMARY") == text.count("<summary") >= 6
        links = [name for tag, name, _ in reached if tag == "A"]
        assert links == re.findall(r'<a href="([^"]+)"', text)
        assert {outline for *_, outline in reached} == {"solid"}


def test_enter_opens_a_table_and_follows_the_contents(browser: Browser, page: Path) -> None:
    with Keyboard(browser, page) as keyboard:
        while keyboard.ask("document.activeElement.tagName") != "SUMMARY":
            keyboard.press("Tab")
        assert keyboard.ask("document.querySelectorAll('details[open]').length") == 0
        keyboard.press("Enter")
        assert keyboard.ask("document.activeElement.parentElement.open") is True
        keyboard.press("Tab")
        assert keyboard.ask("document.activeElement.closest('details') !== null")
        keyboard.ask("document.querySelector('nav a[href$=-audit]').focus()")
        keyboard.press("Enter")
        assert keyboard.ask("document.querySelector(':target').textContent") == "Audit"
        assert keyboard.ask("location.hash").endswith("-audit")
