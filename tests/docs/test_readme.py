"""README.md is run as it stands: its blocks in order, in one folder, by the installed command."""

import re
import shutil
from pathlib import Path

import pytest
from readme_blocks import Block, Example, Finished, Terminal, blocks, examples, untrue

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
EXAMPLES = examples(README)


class Reader:
    """Somebody who works through the page; what one block leaves, later ones find."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._finished: dict[int, Finished | None] = {}

    def follow(self, example: Example) -> Finished | None:
        """Run an example, after all before it; None where its program is not installed."""
        for each in EXAMPLES[: EXAMPLES.index(example) + 1]:
            if each.block.line not in self._finished:
                can = "jq" not in each.block.text.split() or shutil.which("jq") is not None
                self._finished[each.block.line] = self._terminal.run(each.block) if can else None
        return self._finished[example.block.line]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(Terminal(tmp_path_factory.mktemp("readme")))


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"line{e.block.line}" for e in EXAMPLES])
def test_a_block_of_the_readme_does_what_the_page_shows(example: Example, reader: Reader) -> None:
    finished = reader.follow(example)
    if finished is None:
        pytest.skip("jq is not installed; `make tools` installs it")
    assert finished.code == 0, f"{example.block.text}\n{finished.out}{finished.err}"
    for shown in example.shown:
        assert untrue(shown, finished) == [], f"{finished.out}{finished.err}"


def test_a_block_that_is_not_run_says_why() -> None:
    silent = [b.line for b in blocks(README) if not (b.runs or b.shows_output or b.excused)]
    assert silent == []


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_project_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_that_pages_name_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^)(?:sudo )?make ([a-z-]+)", text, re.MULTILINE))
    assert named <= set(_targets())


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    described = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    assert phony[1].split() == described == _targets()


def _targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z-]+):(?! export)(?!=)", makefile, re.MULTILINE)
    return list(dict.fromkeys(rules))


class TestTheCheckItself:
    """That a page which is wrong is found to be so."""

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
