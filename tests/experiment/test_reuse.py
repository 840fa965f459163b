"""Nothing is made twice, nothing stale is used, nothing of another store is touched."""

import json
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import memr_cli.learning.training as training
from memr_cli.experiment import keys
from memr_cli.experiment.keys import LIBRARIES, installed_version
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from memr_cli.vocabulary import Pooling
from store.reader import Store

Run = Callable[..., Any]
QUICK = ("--epochs", "3")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".h5"
    }


@pytest.fixture
def untrainable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever trains now fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "train", refuse)


def test_a_second_run_reads_its_metrics_and_leaves_every_file_alone(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = memr("evaluate", "--store", small_store, *QUICK).lines
    before = files(small_store.parent)

    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "train", refuse)
    second = memr("evaluate", "--store", small_store, *QUICK).lines
    assert [result["reused"] for result in first + second] == [False] * 5 + [True] * 5
    for old, new in zip(first, second, strict=True):
        assert {**old, "seconds": 0, "reused": 0} == {**new, "seconds": 0, "reused": 0}
    assert files(small_store.parent) == before


def test_two_runs_with_one_seed_give_identical_predictions(
    memr: Run, small_store: Path, tmp_path: Path
) -> None:
    for out in ("a", "b"):
        memr("evaluate", "--store", small_store, "--out", tmp_path / out, *QUICK)
    first, second = files(tmp_path / "a"), files(tmp_path / "b")
    assert first.keys() == second.keys()
    for name in first:
        if not name.startswith("metrics"):
            assert first[name] == second[name], name


def test_late_alone_trains_its_members_and_evaluating_them_later_reuses_their_models(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memr("evaluate", "--store", small_store, "--method", "late", *QUICK)
    trained = files(small_store.parent / "checkpoints")
    assert len(trained) == 3 * 5

    def refuse(*_: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(training, "train", refuse)
    (result,) = memr("evaluate", "--store", small_store, "--method", "acoustic", *QUICK).lines
    assert result["reused"] is False
    assert files(small_store.parent / "checkpoints") == trained


def test_more_seeds_keep_the_models_of_the_first(memr: Run, small_store: Path) -> None:
    arguments = ("train", "--store", small_store, "--method", "acoustic", *QUICK)
    memr(*arguments)
    first = files(small_store.parent / "checkpoints")
    stamps = {name: _stamp(small_store, name) for name in first}
    (result,) = memr(*arguments, "--seeds", 2).lines
    assert result["reused"] is False
    assert len(files(small_store.parent / "checkpoints")) == 10
    assert {name: _stamp(small_store, name) for name in first} == stamps


def _stamp(store: Path, name: str) -> int:
    return (store.parent / "checkpoints" / name).stat().st_mtime_ns


@pytest.mark.parametrize(
    "change",
    [
        ("--seed", "1"),
        ("--folds", "4"),
        ("--preset", "original"),
        ("--epochs", "2"),
        ("--learning-rate", "0.01"),
        ("--hidden", "16"),
    ],
)
def test_other_settings_replace_a_result_and_say_so(
    memr: Run, small_store: Path, change: tuple[str, str]
) -> None:
    arguments = ("evaluate", "--store", small_store, "--method", "acoustic")
    (first,) = memr(*arguments, "--epochs", "3").lines
    ran = memr(*arguments, "--epochs", "3", *change)
    (second,) = ran.lines
    assert second["reused"] is False
    assert first["key"] != second["key"]
    assert "acoustic.json is replaced: it was made with other settings" in ran.stderr


def test_changed_content_of_the_store_makes_results_stale(
    memr: Run, small_store: Path, small_raw: Path
) -> None:
    arguments = ("evaluate", "--store", small_store, "--method", "acoustic", *QUICK)
    memr(*arguments)
    ingest(small_raw, small_store, IngestSettings(pooling=Pooling.MAX, overwrite=True), silent)
    ran = memr(*arguments)
    assert ran.lines[0]["reused"] is False
    assert "the store's content has changed" in ran.stderr


@pytest.mark.parametrize("victim", ["predictions/speaker/acoustic.csv", "checkpoints/speaker"])
def test_a_file_that_was_altered_or_lost_is_made_again(
    memr: Run, small_store: Path, victim: str
) -> None:
    arguments = ("evaluate", "--store", small_store, "--method", "acoustic", *QUICK)
    (first,) = memr(*arguments).lines
    path = small_store.parent / victim
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.write_text(path.read_text().replace("F01", "F02", 1))
    ran = memr(*arguments)
    assert ran.lines[0]["reused"] is False
    assert "is missing or not the file that was scored" in ran.stderr
    assert ran.lines[0]["hashes"] == first["hashes"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(b"no checkpoint", "it is damaged"), (None, "it was not written by memr")],
)
def test_a_checkpoint_that_does_not_fit_is_refused_with_the_reason_and_replaced(
    memr: Run, small_store: Path, damage: bytes | None, reason: str
) -> None:
    import numpy as np
    from safetensors.numpy import save

    arguments = ("train", "--store", small_store, "--method", "acoustic", *QUICK)
    (result,) = memr(*arguments).lines
    path = Path(result["folds"][1]["checkpoint"])
    good = path.read_bytes()
    path.write_bytes(damage or save({"a": np.zeros(3, np.float32)}))
    ran = memr(*arguments)
    assert f"{path} is not used and replaced: {reason}" in ran.stderr
    assert path.read_bytes() == good


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_results_of_a_store_of_another_name_are_never_replaced(
    memr: Run, small_store: Path, command: str
) -> None:
    memr("evaluate", "--store", small_store, "--method", "acoustic", *QUICK)
    before = files(small_store.parent)
    other = Path(shutil.copy(small_store, small_store.with_name("other.h5")))
    ran = memr(command, "--store", other, "--method", "acoustic", *QUICK)
    assert ran.code == 5
    assert "belongs to the store memr.h5, not to other.h5" in ran.stderr
    assert "--out" in ran.stderr
    assert files(small_store.parent) == before


def test_an_interrupted_run_keeps_what_was_finished_and_the_next_goes_on(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        "evaluate",
        "--store",
        small_store,
        "--preset",
        "original",
        "--method",
        "acoustic",
        *QUICK,
    )
    real = training.train

    def interrupted(*given: Any) -> Iterator[Any]:
        for done, item in enumerate(real(*given)):
            if done == 2:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(training, "train", interrupted)
    ran = memr(*arguments)
    assert (ran.code, ran.stdout) == (130, "")
    kept = files(small_store.parent)
    assert len(kept) == 2
    assert all(name.startswith("checkpoints") for name in kept)

    trained: list[int] = []

    def counted(inputs: Any, tasks: Any, *rest: Any) -> Iterator[Any]:
        trained.append(len(tasks))
        return real(inputs, tasks, *rest)

    monkeypatch.setattr(training, "train", counted)
    (result,) = memr(*arguments).lines
    assert trained == [3]
    assert {name: files(small_store.parent)[name] for name in kept} == kept

    monkeypatch.setattr(training, "train", real)
    (afresh,) = memr(*arguments, "--out", small_store.parent / "afresh").lines
    assert result["metrics"]["accuracy"]["mean"] == afresh["metrics"]["accuracy"]["mean"]


def test_a_metrics_file_spoilt_by_hand_is_made_again(memr: Run, small_store: Path) -> None:
    arguments = ("evaluate", "--store", small_store, "--method", "acoustic", *QUICK)
    memr(*arguments)
    path = small_store.parent / "metrics" / "speaker" / "acoustic.json"
    good = path.read_bytes()
    for spoilt in (b"{", b"[]", json.dumps({"schema": "memr.evaluate/1"}).encode(), b"\xff"):
        path.write_bytes(spoilt)
        assert memr(*arguments).code == 0
        assert path.read_bytes() == good


def test_no_temporary_file_is_left(memr: Run, small_store: Path) -> None:
    memr("evaluate", "--store", small_store, *QUICK)
    assert not [name for name in files(small_store.parent) if Path(name).name.startswith(".")]


def test_a_checkpoint_whose_weights_were_changed_is_trained_again(
    memr: Run, small_store: Path
) -> None:
    arguments = ("evaluate", "--store", small_store, "--method", "acoustic", *QUICK)
    (first,) = memr(*arguments).lines
    path = Path(first["files"]["checkpoints"][0])
    good = path.read_bytes()
    path.write_bytes(good[:-4] + bytes(byte ^ 0x80 for byte in good[-4:]))
    ran = memr(*arguments)
    assert "its weights are not those that were written" in ran.stderr
    assert path.read_bytes() == good
    assert ran.lines[0]["hashes"] == first["hashes"]


def test_a_seed_gives_the_same_predictions_whatever_trains_beside_it(
    memr: Run, small_store: Path, tmp_path: Path
) -> None:
    arguments = ("train", "--store", small_store, "--method", "lexical", "--epochs", "30")
    memr(*arguments, "--out", tmp_path / "one")
    memr(*arguments, "--seeds", 3, "--out", tmp_path / "three")
    memr("train", "--store", small_store, *arguments[5:], "--out", tmp_path / "all")
    one = files(tmp_path / "one")
    for beside in ("three", "all"):
        found = files(tmp_path / beside)
        assert {name: found[name] for name in one} == one


@pytest.mark.usefixtures("untrainable")
def test_a_folder_of_another_store_is_refused_before_anything_is_trained(
    memr: Run, small_store: Path
) -> None:
    other = Path(shutil.copy(small_store, small_store.with_name("other.h5")))
    metrics = small_store.parent / "metrics" / "speaker" / "late.json"
    metrics.parent.mkdir(parents=True)
    needed = {"fingerprint": "", "method": "late", "key": "", "hashes": {}}
    metrics.write_text(json.dumps({"schema": "memr.evaluate/1", "store": "memr.h5", **needed}))
    ran = memr("evaluate", "--store", other, *QUICK)
    assert (ran.code, ran.stdout) == (5, "")
    assert not (small_store.parent / "checkpoints").exists()


def test_a_folder_with_models_of_another_store_is_refused_even_without_its_metrics(
    memr: Run, small_store: Path
) -> None:
    memr("train", "--store", small_store, "--method", "acoustic", *QUICK)
    before = files(small_store.parent)
    other = Path(shutil.copy(small_store, small_store.with_name("other.h5")))
    ran = memr("evaluate", "--store", other, "--method", "late", *QUICK)
    assert (ran.code, ran.stdout) == (5, "")
    assert "belongs to the store memr.h5, not to other.h5" in ran.stderr
    assert files(small_store.parent) == before


def test_a_reused_result_names_its_files_from_where_it_is_asked_for(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = memr("evaluate", "--store", small_store, "--method", "late", *QUICK).lines
    monkeypatch.chdir(small_store.parent)
    (second,) = memr("evaluate", "--store", "memr.h5", "--method", "late", *QUICK).lines
    assert second["reused"] is True
    assert len(second["files"]["checkpoints"]) == 3 * 5
    for kind in ("metrics", "predictions"):
        assert Path(second["files"][kind]).resolve() == Path(first["files"][kind])
    for here, there in zip(
        second["files"]["checkpoints"], first["files"]["checkpoints"], strict=True
    ):
        assert not Path(here).is_absolute()
        assert Path(here).resolve() == Path(there)


def test_one_changed_model_is_made_again_and_then_the_vote_is_as_it_was(
    memr: Run, small_store: Path
) -> None:
    memr("evaluate", "--store", small_store, *QUICK)
    victim = small_store.parent / "checkpoints" / "speaker" / "lexical" / "seed0"
    good = (victim / "fold2.safetensors").read_bytes()
    (victim / "fold2.safetensors").write_bytes((victim / "fold3.safetensors").read_bytes())
    ran = memr("evaluate", "--store", small_store, *QUICK)
    reused = {result["method"]: result["reused"] for result in ran.lines}
    stale = {name for name, fresh in reused.items() if not fresh}
    assert (stale, len(reused)) == ({"lexical"}, 5)
    assert ran.stderr.count("is missing or not the file that was scored") == 1
    assert (victim / "fold2.safetensors").read_bytes() == good


@pytest.mark.parametrize("name", LIBRARIES)
def test_versions_are_those_of_the_installed_libraries(name: str) -> None:
    assert installed_version(name) == version(name)


def test_a_library_whose_folder_does_not_tell_its_version_is_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy").mkdir()
    origin = str(tmp_path / "numpy" / "__init__.py")
    for folders in ([], ["numpy-1.0.dist-info", "numpy-2.0.dist-info"]):
        for folder in folders:
            (tmp_path / folder).mkdir()
        monkeypatch.setattr(keys, "find_spec", lambda _: SimpleNamespace(origin=origin))
        assert installed_version("numpy") == version("numpy")


def test_only_the_modalities_that_methods_work_on_are_read(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    pooled_into = Store.pooled_into

    def watched(self: Store, name: str, out: Any) -> None:
        read.append(name)
        pooled_into(self, name, out)

    monkeypatch.setattr(Store, "pooled_into", watched)
    memr("evaluate", "--store", small_store, "--method", "lexical", *QUICK)
    assert read == ["lexical"]
    read.clear()
    memr("evaluate", "--store", small_store, "--method", "all", *QUICK)
    assert sorted(read) == ["acoustic", "lexical", "visual"]


def test_a_device_makes_nothing_stale_and_is_told(memr: Run, small_store: Path) -> None:
    (first,) = memr(
        "evaluate", "--store", small_store, "--method", "lexical", "--device", "cpu", *QUICK
    ).lines
    (second,) = memr("evaluate", "--store", small_store, "--method", "lexical", *QUICK).lines
    assert first["settings"]["device"] == "cpu"
    assert second["reused"] is True


def test_a_device_that_is_not_there_is_refused(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ran = memr("train", "--store", small_store, "--device", "cuda", *QUICK)
    assert (ran.code, ran.stdout) == (6, "")
    assert ran.stderr.startswith("memr: error: --device cuda: there is no CUDA device")
