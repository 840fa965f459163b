"""The house as DESIGN describes it: arrows go down, files stay short, one place prints."""

import ast
import subprocess
import sys
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
    ("api",),
    ("ablation",),
    ("experiment", "ingestion", "reporting", "comparison", "auditing"),
    ("methods",),
    ("learning",),
    ("results",),
    ("data",),
    ("corpora", "evaluation"),
    ("files",),
    ("vocabulary",),
    ("errors", "interrupts", "progress"),
)
"""Rooms of memr_cli from the roof down; rooms of one floor do not know each other."""

HEAVY = {
    "torch": {"learning"},
    "h5py": set(),
    "matplotlib": {"reporting"},
    "jinja2": {"reporting"},
    "safetensors": {"learning"},
    "sklearn": {"auditing", "methods"},
    "scipy": {"auditing", "comparison", "evaluation"},
    "rich": {"commands"},
    "tqdm": {"commands"},
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
    if here == "__init__":  # the face of the package, which loads the interface when asked
        return
    for name in imports(path):
        first, _, rest = name.partition(".")
        there = rest.partition(".")[0]
        if first == "memr_cli" and there in FLOOR and there != here:
            assert FLOOR[there] > FLOOR[here], (
                f"{path.relative_to(ROOT)} imports {there}, which is not below {here}"
            )


@pytest.mark.parametrize("path", modules(STORE), ids=lambda path: str(path.relative_to(STORE)))
def test_the_store_knows_nothing_of_memr_and_little_else(path: Path) -> None:
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
def test_only_the_console_prints_and_only_the_program_itself_exits(path: Path) -> None:
    here = path.name
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("print", "sys.stdout.write", "sys.stderr.write", "typer.secho"):
            assert here == "console.py", f"{path} prints"
        if called in ("exit", "quit", "sys.exit", "os._exit"):
            assert here in ("app.py", "interrupts.py"), f"{path} exits"


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


TO_HELP = {
    *("torch", "sklearn", "scipy", "matplotlib", "jinja2", "safetensors", "numpy", "h5py"),
    *("rich", "tqdm", "pydantic", "email", "importlib.metadata", "csv", "concurrent.futures"),
    *("store", "memr_cli.experiment", "memr_cli.results", "memr_cli.ingestion"),
    *("memr_cli.reporting", "memr_cli.data.dataset", "memr_cli.methods.registry"),
}
"""What memr does not load to show its help."""

TO_REUSE = TO_HELP - {
    *("numpy", "h5py", "csv", "store", "memr_cli.experiment", "memr_cli.results"),
    *("memr_cli.data.dataset", "memr_cli.methods.registry"),
} | {
    *("memr_cli.experiment.evaluate", "memr_cli.experiment.models", "memr_cli.experiment.scoring"),
    *("memr_cli.experiment.predictions", "memr_cli.evaluation.bootstrap"),
    *("memr_cli.evaluation.metrics", "memr_cli.evaluation.leakage", "memr_cli.learning.training"),
    *("memr_cli.learning.checkpoints", "numpy.ma", "numpy.random"),
}
"""What it does not load either to answer from a fresh result."""


def loaded(*arguments: str) -> tuple[set[str], str]:
    """What a run of memr loads beyond what Python itself has at the start, and its stdout."""
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from memr_cli.__main__ import main\n"
        f"sys.argv = ['memr', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(*set(sys.modules) - before, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.split()), ran.stdout


@pytest.mark.parametrize("command", [[], ["evaluate"], ["ingest"], ["report"], ["synth"]])
def test_help_loads_little(command: list[str]) -> None:
    found, shown = loaded(*command, "--help")
    assert shown.startswith("Usage:")
    assert sorted(found & TO_HELP) == []


def test_a_reused_evaluation_loads_neither_what_trains_nor_what_scores(small_store: Path) -> None:
    arguments = ("evaluate", "--store", str(small_store), "--epochs", "1", "-q")
    first = subprocess.run(
        [sys.executable, "-m", "memr_cli", *arguments], capture_output=True, check=False
    )
    assert first.returncode == 0, first.stderr
    found, shown = loaded(*arguments)
    assert shown.count('"reused": true') == 5
    assert {"h5py", "memr_cli.experiment.freshness"} <= found
    assert sorted(found & TO_REUSE) == []
