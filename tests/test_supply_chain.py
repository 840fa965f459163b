"""Nothing in the source could run what is found in data.

What could is told by its full name, however it was imported, and whether it is called or only
handed on. A few names are told on any object, since what type that has is not looked up.
"""

import ast
import builtins
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import memr_cli
import store

ROOT = Path(str(memr_cli.__file__)).parents[1]
SOURCES = sorted(
    path for package in (memr_cli, store) for path in Path(package.__file__).parent.rglob("*.py")
)
NAMES = {
    # what opens pickles
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"),
    *("pandas", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromstring"),
    *("numpy.lib.format.read_array", "torch.load", "torch.save", "torch.serialization"),
    *("torch.storage", "torch.package", "torch.multiprocessing", "multiprocessing"),
    *("concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process"),
    # what starts programs
    *("subprocess", "pty", "os.system", "os.popen", "os.startfile", "posix", "asyncio"),
    # what runs text or files, or changes where code is found
    *("eval", "exec", "compile", "__import__", "code", "codeop", "runpy", "imp", "zipimport"),
    *("importlib.import_module", "importlib.__import__", "importlib.reload", "importlib.machinery"),
    *("importlib.util.spec_from_file_location", "importlib.util.module_from_spec", "sys.path"),
    *("sys.modules", "site", "timeit", "logging.config", "pkgutil.resolve_name", "yaml"),
    *("ctypes", "cffi", "numpy.ctypeslib", "torch.jit", "torch.hub", "torch.ops"),
    *("torch.classes", "torch.utils.cpp_extension", "jinja2.Template", "jinja2.environment"),
    # what writes files where an archive says
    *("tarfile", "shutil.unpack_archive"),
    # what reaches over a network
    *("socket", "urllib.request", "http", "requests", "ftplib", "xml", "xmlrpc"),
    *("webbrowser", "smtplib"),
}
BEGINS = ("os.exec", "os.spawn", "os.posix_spawn")
ON_ANY_OBJECT = {
    *("load", "from_string", "compile_expression", "extract", "extractall"),
    *("exec_module", "load_module"),
}
"""Of an entry point, of templates, of an archive, of a finder of modules."""
WORDS = {"shell", "allow_pickle"}
"""Arguments that have to be false."""

ALLOWED = {
    ("memr_cli/interrupts.py", "exec"),  # of a text of its own, which is empty
    ("memr_cli/learning/checkpoints.py", "safetensors.numpy.load"),  # which holds no code
    ("memr_cli/learning/devices.py", "sys.modules"),  # to see whether torch is loaded
    ("memr_cli/methods/registry.py", "importlib.import_module"),  # of modules beside it
    ("memr_cli/methods/plugins/entry_points.py", ".load"),  # of a package that someone installed
    ("memr_cli/corpora/registry.py", ".load"),  # likewise
    ("memr_cli/__init__.py", "getattr(memr_cli.api)"),  # whose names `__all__` lists
}


def dangers(tree: ast.AST) -> Iterator[str]:
    """What a module uses that it should not."""
    aliases = dict(imported(tree))
    for origin in aliases.values():
        library, _, last = origin.rpartition(".")
        ours = library.startswith(("memr_cli", "store"))
        if is_dangerous(origin) or (library and not ours and last in ON_ANY_OBJECT):
            yield origin
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            if is_dangerous(name := full_name(node, aliases)):
                yield name
            elif isinstance(node, ast.Attribute) and node.attr in ON_ANY_OBJECT:
                yield f".{node.attr}"
        elif isinstance(node, ast.Call):
            yield from (f"{word.arg}=" for word in node.keywords if is_allowing(word))
            if full_name(node.func, aliases) == "getattr" and len(node.args) > 1:
                yield from part_of_module(node, aliases)
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            yield from (f"{key!r}:" for key in keys if key in WORDS)


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Names that imports give to a module, and what each stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname is None:
                    yield alias.name.split(".")[0], alias.name.split(".")[0]
                    yield alias.name, alias.name
                else:
                    yield alias.asname, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                origin = f"{node.module}.{alias.name}".removeprefix("builtins.")
                yield alias.asname or alias.name, origin


def full_name(node: ast.expr, aliases: dict[str, str]) -> str:
    """`a.b.c` for such an expression, as far as it is one, with `a` as it is imported."""
    if isinstance(node, ast.Attribute):
        return f"{full_name(node.value, aliases)}.{node.attr}".removeprefix("builtins.")
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id if hasattr(builtins, node.id) else "")
    return ""


def is_dangerous(name: str) -> bool:
    parts = name.split(".")
    within = any(".".join(parts[: end + 1]) in NAMES for end in range(len(parts)))
    return within or name.startswith(BEGINS)


def is_allowing(word: ast.keyword) -> bool:
    is_false = isinstance(word.value, ast.Constant) and word.value.value is False
    return word.arg in WORDS and not is_false


def part_of_module(call: ast.Call, aliases: dict[str, str]) -> Iterator[str]:
    """The part that a `getattr` takes of a module, where that is dangerous or not known."""
    module, part = full_name(call.args[0], aliases), call.args[1]
    if module not in aliases.values():
        return
    if not isinstance(part, ast.Constant):
        yield f"getattr({module})"
    elif is_dangerous(name := f"{module}.{part.value}".removeprefix("builtins.")):
        yield name


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_module_can_run_what_it_reads(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    found = {(name, danger) for danger in dangers(ast.parse(path.read_text(encoding="utf-8")))}
    assert found - ALLOWED == set()


@pytest.mark.parametrize(
    "text",
    [
        *("import pickle", "import _pickle", "from joblib import load", "import urllib.request"),
        *("from urllib import request", "import numpy as np; np.load(a)", "from numpy import load"),
        *("import numpy as n; n.lib.format.read_array(f, True)", "import torch as t; t.load(a)"),
        *("from torch import load", "import torch.utils.cpp_extension", "import torch.hub"),
        *("import numpy as np; np.save(a, b, allow_pickle=True)", "run(a, shell=True)"),
        *("run(a, shell=b)", "run(a, **{'shell': True})", "eval(a)", "map(eval, a)"),
        *("import builtins; builtins.eval(a)", "from builtins import exec as run"),
        *("import os; os.system(a)", "from os import system", "import os as o; o.popen(a)"),
        *("import os; getattr(os, 'system')(a)", "import os; getattr(os, a)(b)"),
        *("from os import execv", "import os; f = os.spawnl"),
        *("import importlib; importlib.import_module(a)", "from importlib import import_module"),
        *("from pkgutil import resolve_name", "EntryPoint(a, b, c).load()", "import runpy"),
        *("import builtins; getattr(builtins, 'eval')(a)", "from torch.export import load"),
        *("import sys; sys.path.insert(0, a)", "from jinja2.environment import Template"),
        *("import jinja2; jinja2.Template(a)", "env.from_string(a)", "archive.extractall()"),
        *("from shutil import unpack_archive", "import asyncio", "import multiprocessing.pool"),
        "from concurrent.futures import ProcessPoolExecutor",
    ],
)
def test_what_could_is_told(text: str) -> None:
    assert list(dangers(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        *("import os; os.stat(a)", "import numpy as np; np.save(a, b, allow_pickle=False)"),
        *("import re; re.compile(a)", "from importlib import metadata", "loads(a)"),
        *("getattr(a, b)", "import os; getattr(os, 'O_PATH', 0)"),
    ],
)
def test_what_could_not_is_not(text: str) -> None:
    assert not list(dangers(ast.parse(text)))


def test_no_code_is_looked_for_where_data_lies(tmp_path: Path) -> None:
    """A name without a folder on that path would be looked up in the current one."""
    code = "import sys, memr_cli; print(*sys.path, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [place for place in done.stdout.splitlines() if not Path(place).is_absolute()] == []
