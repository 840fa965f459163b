"""README.md and the pages of docs/ are true: their blocks are run, their links lead to something.

The blocks of README.md run in order in one folder; those of each other page run after them, in the
same folder.
"""

import re
import shutil
from pathlib import Path

import pytest
from page_blocks import Block, Example, Finished, Terminal, blocks, examples, untrue

from memr_cli.results.documentation import reference

ROOT = Path(__file__).parents[2]
README = "README.md"
INSTALLED = "docs/plugins.md"
"""Its blocks are files of a package; test_worked_example installs it."""

MANUAL = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md"))
PAGES = (README, *MANUAL, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "store/FORMAT.md")


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


EXAMPLES = {page: examples(text_of(page)) for page in (README, *MANUAL) if page != INSTALLED}
EVERY = [(page, example) for page, found in EXAMPLES.items() for example in found]


class Reader:
    """Someone who works through README.md and then a page; later blocks find earlier files."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._finished: dict[tuple[str, int], Finished | None] = {}

    def follow(self, page: str, example: Example) -> Finished | None:
        """Run an example after all before it; None where its program is not installed."""
        earlier = EVERY[: EVERY.index((page, example)) + 1]
        for name, each in earlier:
            at = (name, each.block.line)
            if name in (README, page) and at not in self._finished:
                can = "jq" not in each.block.text.split() or shutil.which("jq") is not None
                self._finished[at] = self._terminal.run(each.block) if can else None
        return self._finished[page, example.block.line]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(Terminal(tmp_path_factory.mktemp("pages")))


@pytest.mark.parametrize(
    ("page", "example"), EVERY, ids=[f"{page}:{example.block.line}" for page, example in EVERY]
)
def test_a_block_does_what_its_page_shows(page: str, example: Example, reader: Reader) -> None:
    finished = reader.follow(page, example)
    if finished is None:
        pytest.skip("jq is not installed; `make tools` installs it")
    assert finished.code == 0, f"{example.block.text}\n{finished.out}{finished.err}"
    for shown in example.shown:
        assert untrue(shown, finished) == [], f"{finished.out}{finished.err}"


@pytest.mark.parametrize("page", EXAMPLES)
def test_a_block_that_is_not_run_says_why(page: str) -> None:
    silent = [b.line for b in blocks(text_of(page)) if not (b.runs or b.shows_output or b.excused)]
    assert silent == []


def test_the_reference_of_results_is_the_generated_one() -> None:
    renew = "renew it as CONTRIBUTING.md says under Documentation"
    assert text_of("docs/results.md") == reference() + "\n", renew


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_project_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^):#]*)(?:#([^)]*))?\)", text_of(page))
    lost = [link for link in links if not _leads_somewhere(ROOT / page, *link)]
    assert lost == []


def _leads_somewhere(page: Path, target: str, anchor: str) -> bool:
    """Return whether a link leads to a file and, where it has an anchor, to a heading of it."""
    path = page.parent / target if target else page
    if not anchor or not path.is_file():
        return path.exists()
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_readme_links_every_page_of_the_manual() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+\.md)", text_of(README)))
    assert linked == set(MANUAL)


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_pages_name_exist(page: str) -> None:
    named = set(re.findall(r"(?:`|^)(?:sudo )?make ([a-z-]+)", text_of(page), re.MULTILINE))
    assert named <= set(_targets())


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", text_of("Makefile"), re.MULTILINE)
    assert phony is not None
    described = re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE)
    assert phony[1].split() == described == _targets()


def _targets() -> list[str]:
    rules = re.findall(r"^([a-z-]+):(?! export)(?!=)", text_of("Makefile"), re.MULTILINE)
    return list(dict.fromkeys(rules))


class TestTheCheckItself:
    """A page that is wrong is found."""

    def test_a_failing_command_ends_a_block(self, tmp_path: Path) -> None:
        finished = Terminal(tmp_path).run(Block(1, "sh", "false\necho on\n", ""))
        assert (finished.code, finished.out) == (1, "")

    def test_a_failing_part_of_a_pipe_ends_a_block(self, tmp_path: Path) -> None:
        assert Terminal(tmp_path).run(Block(1, "sh", "false | cat\n", "")).code == 1

    def test_blocks_see_a_terminal(self, tmp_path: Path) -> None:
        assert Terminal(tmp_path).run(Block(1, "sh", "test -t 1\n", "")).code == 0

    def test_shown_lines_may_differ_in_numbers_and_be_cut(self) -> None:
        printed = Finished(0, "early  70.4 ± 3.2   1336\n", "memr: 302 votes (22.6%) were tied.\n")
        shown = "early 1.0 ± 0.1 12\n…\nmemr: 1 votes (2.0%) …\n"
        assert untrue(Block(1, "text", shown, ""), printed) == []
        assert untrue(Block(1, "text", "early 1.0 12\n", ""), printed) == ["early 1.0 12"]

    def test_shown_keys_must_be_there(self) -> None:
        printed = Finished(0, '{"n": 1, "metrics": {}}', "")
        shown = Block(1, "json", '{"n": 2, "folds": …}', "")
        assert untrue(shown, printed) == ["folds"]

    def test_output_belongs_to_the_block_before_it(self) -> None:
        page = (
            "```sh\na\n```\nprose\n```text\nb\n```\n<!-- not run: it installs -->\n```sh\nc\n```\n"
        )
        (example,) = examples(page)
        assert [shown.text for shown in example.shown] == ["b\n"]
        with pytest.raises(ValueError, match="line 2 shows the output of no block"):
            examples("```text\na\n```\n")
