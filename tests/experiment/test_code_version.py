"""The hash of the code that a result depends on."""

import shutil
import tokenize
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from memr_cli.experiment import code_version as versions
from memr_cli.experiment.code_version import ROOTS, code_of, code_version, modules_of
from memr_cli.experiment.keys import EVALUATION, TRAINING
from memr_cli.methods.registry import own

SOURCES = sorted(path for root in ROOTS.values() for path in root.rglob("*.py"))
CACHED = (code_version, versions._module, versions._path)

Version = Callable[[str], str]


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with copies of both packages, whose code is hashed."""
    for name, root in ROOTS.items():
        shutil.copytree(root, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setitem(ROOTS, name, tmp_path / name)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for function in CACHED:
        function.cache_clear()


def version(method: str) -> str:
    forget()
    return code_version(TRAINING | EVALUATION | modules_of(own()[method]))


CHANGES = {
    "memr_cli/learning/optimizer.py": ("0.999", "0.998"),
    "memr_cli/learning/loop.py": ("1 - past", "past"),
    "memr_cli/learning/inputs.py": (">= probability", "> probability"),
    "memr_cli/data/scaling.py": ("def ", "X = 1\n\n\ndef "),
    "memr_cli/evaluation/protocols.py": ("def ", "X = 1\n\n\ndef "),
    "memr_cli/evaluation/metrics.py": ("def ", "X = 1\n\n\ndef "),
    "memr_cli/experiment/predictions.py": ("def ", "X = 1\n\n\ndef "),
    "memr_cli/experiment/scoring.py": ("def ", "X = 1\n\n\ndef "),
    "memr_cli/methods/network.py": ("averaging=0.99", "averaging=0.98"),
    "store/slabs.py": ("def ", "X = 1\n\n\ndef "),
}


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_of_code_that_every_network_reaches_counts(copies: Path, path: str) -> None:
    before, text = version("gated"), (copies / path).read_text()
    old, new = CHANGES[path]
    assert old in text
    (copies / path).write_text(text.replace(old, new, 1))
    assert version("gated") != before


@pytest.mark.parametrize(
    ("path", "stale"),
    [
        ("memr_cli/methods/gated.py", {"gated"}),
        ("memr_cli/methods/tensor.py", {"tensor"}),
        ("memr_cli/methods/unimodal.py", {"early", "acoustic"}),
        ("memr_cli/methods/late.py", {"late", "late-mean"}),
        ("memr_cli/learning/feedforward.py", {"early", "acoustic"}),
        ("memr_cli/learning/modules/temporal.py", {"crossmodal"}),
        ("memr_cli/learning/modules/context.py", {"context"}),
        ("memr_cli/methods/registry.py", set()),
        ("memr_cli/methods/plugins/installed.py", set()),
        ("memr_cli/comparison/pairing.py", set()),
    ],
)
def test_a_change_of_a_methods_own_code_counts_for_that_method_alone(
    copies: Path, path: str, stale: set[str]
) -> None:
    names = ("early", "acoustic", "late", "late-mean", "gated", "tensor", "crossmodal", "context")
    before = {name: version(name) for name in names}
    with (copies / path).open("a") as file:
        file.write("\nX = 1\n")
    assert {name for name in names if version(name) != before[name]} == stale


def test_a_new_file_and_new_comments_count_nowhere(copies: Path) -> None:
    before = version("gated")
    (copies / "memr_cli/methods/new.py").write_text("METHODS = ()\n")
    path = copies / "memr_cli/learning/loop.py"
    text = path.read_text().replace('"""The training loop', '"""It', 1)
    text = text.replace("import math\n", "import math  # for isfinite\n\n# 'Quoted \"\n\n", 1)
    path.write_text(text.replace("    def step(", "\n    # A step.\n    def step(", 1))
    assert version("gated") == before


def test_modules_of_others_are_ignored() -> None:
    assert code_version(frozenset({"numpy", "some_plugin"})) == code_version(frozenset())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_all_but_comments_and_docstrings_is_kept(path: Path) -> None:
    """As Python's own tokenizer finds them, in every file of memr's."""
    text = path.read_text()
    assert list(code_tokens(code_of(text))) == list(code_tokens(text))


LAYOUT = (tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)


def code_tokens(text: str) -> Iterator[str]:
    """The tokens of a text but for layout, comments and docstrings."""
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(StringIO(text + "\n").readline):
        docstring = token.string.startswith('"""') and before != tokenize.OP
        if token.type not in LAYOUT and not docstring:
            yield token.string
        if token.type not in (tokenize.NL, tokenize.COMMENT):
            before = token.type


def test_indentation_counts() -> None:
    loop = "for i in range(3):\n    x += i\n    y = x\n"
    assert code_of(loop) != code_of(loop.replace("    y", "y"))
    assert code_of('x = f(\n    """a"""\n)') != code_of('x = f(\n    """b"""\n)')
    assert code_of('x = "a # b"  # c\n') == 'x = "a # b"'
