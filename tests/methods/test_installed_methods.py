"""Methods of other packages, from their entry points to results."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from installing import MEANS, Install, forget

from memr_cli.data.holdings import Holdings
from memr_cli.errors import UnsupportedError, UsageError
from memr_cli.experiment.experiment import choose, collective_names
from memr_cli.methods import entry_points
from memr_cli.methods.faults import told
from memr_cli.methods.registry import named, own, registered, unusable
from memr_cli.results.predictions import Predictions
from store.reader import Store

Memr = Callable[..., Any]
POINT = "nearest = my_means:Means"


def evaluated(memr: Memr, store: Path, *more: str) -> Any:
    return memr("evaluate", "--method", "nearest", "--folds", "2", "--store", store, *more)


def changed(what: str, to: str) -> str:
    """The module with one of its lines another."""
    assert what in MEANS
    return MEANS.replace(what, to)


def with_function(name: str, body: str) -> str:
    """The module where a function of the class does something else."""
    head = next(line for line in MEANS.splitlines() if f"def {name}(" in line)
    return changed(head, f"{head}\n        {body}")


def test_a_method_of_a_package_is_evaluated_like_any_other(
    install: Install, memr: Memr, small_store: Path
) -> None:
    install(POINT)
    ran = evaluated(memr, small_store, "--calibrate", "temperature", "--seeds", "2")
    assert ran.code == 0, ran.stderr
    (result,) = ran.lines
    assert result["method"] == "nearest"
    assert result["settings"]["modalities"] == ["visual", "acoustic", "lexical"]
    assert result["settings"]["calibrate"] == "temperature"
    assert result["settings"]["hidden"] is None
    assert result["settings"]["package"]["name"] == "my-means"
    assert len(result["files"]["checkpoints"]) == 4
    predictions = Predictions.read(Path(result["files"]["predictions"]))
    assert len(predictions.true) == 2 * result["n"]
    (again,) = evaluated(memr, small_store, "--calibrate", "temperature", "--seeds", "2").lines
    assert again["reused"]
    assert again["metrics"] == result["metrics"]


def test_it_is_fused_ablated_and_compared(install: Install, memr: Memr, small_store: Path) -> None:
    install(POINT)
    place = ("--folds", "2", "--store", small_store)
    fused = memr("fuse", "--method", "nearest", *place)
    assert fused.code == 0, fused.stderr
    runs = fused.lines[0]["folds"]
    assert [(run["epochs"], run["best_epoch"]) for run in runs] == [(1, 1), (1, 1)]
    assert all(run["train_loss"] > 0 and run["validation_f1_micro"] >= 0 for run in runs)
    ablated = memr("ablate", "nearest", "--retrain", *place)
    assert ablated.code == 0, ablated.stderr
    made = memr("evaluate", "--method", "nearest", "--method", "visual", "--epochs", "1", *place)
    assert made.code == 0, made.stderr
    compared = memr("compare", "nearest", "visual", "--store", small_store)
    assert compared.code == 0, compared.stderr


@pytest.mark.parametrize("anew", ["source", "version"])
def test_other_code_makes_a_result_stale(
    install: Install, memr: Memr, small_store: Path, anew: str
) -> None:
    install(POINT)
    evaluated(memr, small_store)
    if anew == "source":
        install(POINT, changed("-distances", "-2 * distances"))
    else:
        install(POINT, version="1.1")
    ran = evaluated(memr, small_store)
    assert not ran.lines[0]["reused"]
    assert "nearest.json is replaced" in ran.stderr


def source() -> str:
    forget()
    method: Any = named("nearest")
    return str(method.package.source)


LISTS = {
    "top_level.txt": "my_means\nmy_help\nnot_there\n",
    "RECORD": "my_means.py,,\nmy_help/__init__.py,,\nmy_means-1.0.dist-info/METADATA,,\n"
    "../../bin/means,,\n__pycache__/my_means.pyc,,\nmeans.pth,,\n",
}


@pytest.mark.parametrize("listed", LISTS)
def test_its_source_is_every_file_of_its_distribution(install: Install, listed: str) -> None:
    site = install(POINT).parent
    (site / "my_means-1.0.dist-info" / listed).write_text(LISTS[listed])
    table, moved = site / "my_help/one/table.csv", site / "my_help/two/table.csv"
    for path in (table, moved):
        path.parent.mkdir(parents=True)
    (site / "my_help/__init__.py").touch()
    table.write_text("1")
    sources = [source()]
    table.write_text("2")
    sources.append(source())
    table.rename(moved)
    sources.append(source())
    (site / "my_help/__init__.py").write_text("a = 1")
    sources.append(source())
    assert len(set(sources)) == 4
    for passed in ("my_help/__pycache__/a.pyc", "my_help/.cache/b", "other.py"):
        (site / passed).parent.mkdir(exist_ok=True)
        (site / passed).touch()
    assert source() == sources[-1]


def test_its_source_is_that_of_its_entry_point_where_nothing_is_listed(install: Install) -> None:
    module = install(POINT)
    first = source()
    module.write_text(changed("-distances", "-2 * distances"))
    assert source() != first


def test_a_source_that_cannot_be_read_is_told(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(POINT)
    monkeypatch.setattr(entry_points, "_files", lambda top: [("gone.py", tmp_path / top)])
    with pytest.raises(UnsupportedError, match=r"its source cannot be read: .*No such file"):
        named("nearest")


def test_a_fault_is_placed_in_the_last_file_that_is_the_packages(tmp_path: Path) -> None:
    path = tmp_path / "importlib-tricks" / "tricks.py"
    path.parent.mkdir()
    path.write_text("import importlib\nimportlib.import_module('no_such')")
    with pytest.raises(ModuleNotFoundError) as caught:
        runpy.run_path(str(path))
    assert told(caught.value).endswith("No module named 'no_such' (tricks.py, line 2)")


def test_options_for_networks_leave_its_models_fresh(
    install: Install, memr: Memr, small_store: Path
) -> None:
    install(POINT)
    evaluated(memr, small_store)
    trained = memr(
        *("fuse", "--method", "nearest", "--method", "early", "--epochs", "1"),
        *("--folds", "2", "--store", small_store),
    )
    assert [result["reused"] for result in trained.lines] == [True, False]


def test_what_it_prints_is_no_result(install: Install, memr: Memr, small_store: Path) -> None:
    install(POINT, with_function("fit", "print('fitting')"))
    ran = evaluated(memr, small_store)
    assert ran.lines[0]["method"] == "nearest"
    assert "fitting" in ran.stderr


def test_an_option_for_networks_alone_is_refused_where_there_is_none(
    install: Install, memr: Memr, small_store: Path
) -> None:
    install(POINT)
    ran = evaluated(memr, small_store, "--weight-decay", "0.1")
    assert (ran.code, ran.stdout) == (2, "")
    assert "--weight-decay has no effect on nearest" in ran.stderr


def test_every_passes_over_what_cannot_be_used_and_says_why(
    install: Install, small_store: Path
) -> None:
    install(POINT + "\nbad = my_means:Lacking")
    with Store.open(small_store) as store:
        choice = choose(["every"], collective_names(["every"]), Holdings(store))
    assert choice.methods[-1].name == "nearest"
    assert "Lacking, cannot be used: loading it raised AttributeError" in choice.skipped["bad"]


BROKEN = {
    "fit raised ValueError: no luck (my_means.py, line 8)": ("fit", "raise ValueError('no luck')"),
    "fit raised SystemExit": ("fit", "raise SystemExit(0)"),
    "predict_proba raised OSError: gone": ("predict_proba", "raise OSError('gone')"),
    "from_arrays raised KeyError: 'a'": ("from_arrays", "{}['a']"),
    "to_arrays raised TypeError": ("to_arrays", "return 5"),
    "gave a of type <U4, expected numbers": ("to_arrays", "return {'a': 'text'}"),
    "gave a of type object": ("to_arrays", "return {'a': [None]}"),
    "gave a with 16777217, which float32 cannot hold": ("to_arrays", "return {'a': 2**24 + 1}"),
    "gave a with 1e+300, which float32 cannot hold": ("to_arrays", "return {'a': [1, 1e300]}"),
    "gave an array of shape (3,)": ("predict_proba", "return [0.5, 0.25, 0.25]"),
    "in row 0: nan, nan, nan, nan": ("predict_proba", "return np.full((len(X), 4), np.nan)"),
    "in row 0: 0.5, 0.5, 0.5, 0.5": ("predict_proba", "return np.full((len(X), 4), 0.5)"),
    "to depend on the utterance alone: not on what else is in X": (
        "predict_proba",
        "X.features['lexical'][:] = 9 * (X.features['lexical'] - X.features['lexical'].mean(0))",
    ),
    "in row 0: 2, -1, 0, 0": ("predict_proba", "return np.tile([2, -1, 0, 0], (len(X), 1))"),
    "and type object": ("predict_proba", "return np.full((len(X), 4), None)"),
}


@pytest.mark.parametrize("said", BROKEN)
def test_a_fault_in_it_is_told_as_one(
    install: Install, memr: Memr, small_store: Path, said: str
) -> None:
    install(POINT, with_function(*BROKEN[said]))
    ran = evaluated(memr, small_store)
    assert (ran.code, ran.stdout) == (5, "")
    assert "method nearest of package my-means 1.0 failed: " in ran.stderr
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


UNUSABLE = {
    "loading it raised ModuleNotFoundError: No module named 'no_such'": "import no_such",
    "loading it raised SystemExit": "raise SystemExit(3)",
    "loading it raised SyntaxError": "class Means(",
    "loading it raised AttributeError": "class Other: pass",
    "expected a class, found int": "Means = 5",
    "the class lacks to_arrays, from_arrays": "class Means:\n def fit(s): 0\n predict_proba = fit",
    "expected its summary in words, found None": changed("summary =", "title ="),
    'its modalities are \'lexical\', expected "any", "several"': changed(
        "summary =", "modalities = 'lexical'\n    summary ="
    ),
    "its modalities are ('Smell',)": changed("summary =", "modalities = ('Smell',)\n    summary ="),
    "its modalities are ()": changed("summary =", "modalities = ()\n    summary ="),
    "its needs are 'frames', expected a tuple": changed(
        "summary =", "needs = 'frames'\n    summary ="
    ),
}


@pytest.mark.parametrize("said", UNUSABLE)
def test_what_cannot_be_used_is_refused_by_name_and_passed_over_otherwise(
    install: Install, memr: Memr, small_store: Path, said: str
) -> None:
    install(POINT, UNUSABLE[said])
    ran = evaluated(memr, small_store)
    assert (ran.code, ran.stdout) == (5, "")
    assert "method nearest of package my-means 1.0, my_means:Means, cannot be used: " in ran.stderr
    assert said in ran.stderr
    assert registered().keys() == own().keys()
    shown = memr("info", "--store", small_store)
    assert shown.code == 0
    assert said in shown.lines[0]["unsupported"]["nearest"]
    assert "early" in shown.lines[0]["methods"]


@pytest.mark.parametrize("name", ["Nearest", "all", "text", "a.b", "-x", "a@b"])
def test_a_name_that_files_or_options_cannot_have_is_refused(install: Install, name: str) -> None:
    install(f"{name} = my_means:Means")
    assert "expected a name of small letters" in unusable()[name]


def test_those_of_other_packages_come_last(install: Install) -> None:
    install("another = my_means:Means\nacoustics = my_means:Means")
    assert list(registered()) == [*own(), "acoustics", "another"]
    assert unusable() == {}


def test_a_name_of_memrs_own_stays_its_own(install: Install, memr: Memr, small_store: Path) -> None:
    install("early = my_means:Means")
    assert named("early") is own()["early"]
    assert registered() == own()
    assert unusable() == {}
    shown = memr("info", "--store", small_store)
    assert "method early is memr's own; that of package my-means 1.0 is not used" in shown.stderr


def test_a_name_that_two_packages_offer_is_neithers(install: Install) -> None:
    install(POINT)
    install("nearest = other_means:Means", package="other-means", version="2.0")
    told = "offered 2 times, by package my-means 1.0 and package other-means 2.0"
    with pytest.raises(UnsupportedError, match=told):
        named("nearest")
    assert registered().keys() == own().keys()


def test_an_unknown_name_lists_those_of_packages_without_loading_them(install: Install) -> None:
    install(POINT, "raise RuntimeError('loaded')")
    with pytest.raises(UsageError, match=r"late, .*nearest, all"):
        named("neerest")
    assert entry_points.load.cache_info().misses == 0


def test_memrs_own_methods_are_found_without_looking_for_others(install: Install) -> None:
    install(POINT)
    named("lexical")
    named("text")
    assert entry_points.offered.cache_info().misses == 0


@pytest.mark.parametrize(
    ("modalities", "held", "used"),
    [
        ("'any'", ["acoustic"], ("acoustic",)),
        ("'several'", ["visual", "lexical"], ("visual", "lexical")),
        ("['lexical', 'visual']", ["visual", "acoustic", "lexical"], ("visual", "lexical")),
    ],
)
def test_it_says_which_modalities_it_uses(
    install: Install, modalities: str, held: list[str], used: tuple[str, ...]
) -> None:
    install(POINT, changed("summary =", f"modalities = {modalities}\n    summary ="))
    method: Any = named("nearest")
    assert method.modalities(held) == used
    assert method.only(["visual"]).modalities(held) == ("visual",)


@pytest.mark.parametrize(
    ("modalities", "said"),
    [
        ("'several'", "needs at least two modalities, and the store holds acoustic"),
        ("('lexical',)", "needs lexical features, and the store holds acoustic"),
    ],
)
def test_a_store_without_what_it_needs_is_told(
    install: Install, modalities: str, said: str
) -> None:
    install(POINT, changed("summary =", f"modalities = {modalities}\n    summary ="))
    method: Any = named("nearest")
    with pytest.raises(UnsupportedError, match=said):
        method.modalities(["acoustic"])
    assert method.is_fusion == (modalities == "'several'")
