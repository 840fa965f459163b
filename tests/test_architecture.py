"""The house as DESIGN describes it: arrows go down, files stay short, one place prints."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import memr_cli
import store

ROOT = Path(memr_cli.__file__).parent
STORE = Path(store.__file__).parent

FLOORS = (
    ("__main__",),
    ("app",),
    ("commands",),
    ("console",),
    ("experiment", "ingestion", "reporting"),
    ("methods",),
    ("dataset", "learning"),
    ("corpora", "evaluation"),
    ("results",),
    ("errors", "progress", "strict_json"),
)
"""Rooms of memr_cli from the roof down; rooms of one floor do not know each other."""

HEAVY = {
    "torch": {"learning"},
    "h5py": set(),
    "matplotlib": {"reporting"},
    "jinja2": {"reporting"},
    "safetensors": {"learning"},
    "sklearn": set(),
    "scipy": set(),
    "rich": {"console"},
    "tqdm": {"console"},
    "typer": {"app", "commands"},
}
"""Who may import a library; nobody else does."""


def modules(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module imported anywhere in a file, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in modules(ROOT)} - {"__init__"} == set(FLOOR)


@pytest.mark.parametrize("path", modules(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_go_down(path: Path) -> None:
    here = room(path)
    for name in imports(path):
        first, _, rest = name.partition(".")
        there = rest.partition(".")[0]
        if first == "memr_cli" and there in FLOOR and there != here:
            assert FLOOR[there] > FLOOR[here], (
                f"{path.relative_to(ROOT)} imports {there}, which is not below {here}"
            )


@pytest.mark.parametrize("path", modules(STORE), ids=lambda path: str(path.relative_to(STORE)))
def test_the_store_knows_nothing_of_memr_and_little_else(path: Path) -> None:
    import sys

    own = {*sys.stdlib_module_names, "store", "numpy", "h5py"}
    assert {name.partition(".")[0] for name in imports(path)} <= own


@pytest.mark.parametrize("path", modules(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    for name in imports(path):
        library = name.partition(".")[0]
        if library in HEAVY:
            assert room(path) in HEAVY[library], f"{path.relative_to(ROOT)} imports {library}"


EVERY = [*modules(ROOT), *modules(STORE)]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 80, f"{node.name} is long"


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_only_the_console_prints_and_only_the_app_exits(path: Path) -> None:
    here = path.name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("print", "sys.stdout.write", "sys.stderr.write", "typer.secho"):
            assert here == "console.py", f"{path} prints"
        if called in ("exit", "quit", "sys.exit", "os._exit"):
            assert here == "app.py", f"{path} exits"


@pytest.mark.parametrize("path", EVERY, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_unpickles(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not {"pickle", "shelve", "marshal", "joblib"} & set(imports(path))
    assert "allow_pickle=True" not in text
    assert "torch.load" not in text


@pytest.mark.parametrize("path", modules(ROOT / "evaluation"), ids=lambda path: path.name)
def test_evaluation_reads_no_clock_and_no_files(path: Path) -> None:
    assert not {"time", "datetime", "pathlib", "os", "io"} & {
        name.partition(".")[0] for name in imports(path)
    }
