"""Nothing in the source could run what is found in data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import memr_cli
import store

SOURCES = sorted(
    path for package in (memr_cli, store) for path in Path(package.__file__).parent.rglob("*.py")
)
MODULES = {
    *("pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"),
    *("subprocess", "pty", "multiprocessing", "code", "codeop", "runpy", "yaml", "ctypes", "cffi"),
    *("socket", "urllib.request", "http", "requests", "ftplib", "xml", "webbrowser"),
}
"""What opens pickles, starts programs, runs text, or reaches over a network."""

CALLS = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "np.load"),
    *("numpy.load", "torch.save", "np.loadtxt", "np.genfromtxt", "np.fromstring"),
}
BEGINS = ("os.exec", "os.spawn", "os.posix_spawn", "torch.hub", "torch.jit", "torch.package")

ALLOWED = {("memr_cli/interrupts.py", "exec")}
"""A text of its own, which is empty."""


def dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if any(".".join(parts[: i + 1]) in MODULES for i in range(len(parts))):
                yield name
        if isinstance(node, ast.Call):
            called = dotted(node.func)
            if called in CALLS or called.startswith(BEGINS):
                yield called
            if any(word.arg in ("shell", "allow_pickle") and not _is_false(word.value)
                   for word in node.keywords):  # fmt: skip
                yield f"{called} with a shell or pickles"


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_module_can_run_what_it_reads(path: Path) -> None:
    name = "/".join(path.parts[-2:])
    found = {(name, danger) for danger in dangers(ast.parse(path.read_text(encoding="utf-8")))}
    assert found - ALLOWED == set()


@pytest.mark.parametrize(
    "text",
    [
        *("import pickle", "from joblib import load", "import urllib.request", "eval(a)"),
        *("from urllib import request", "os.system(a)", "torch.load(a)", "np.load(a)"),
        *("np.save(a, b, allow_pickle=True)", "run(a, shell=True)", "os.execv(a, b)"),
    ],
)
def test_what_could_is_told(text: str) -> None:
    assert list(dangers(ast.parse(text)))
