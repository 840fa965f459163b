"""Nothing is made twice, nothing stale is used, nothing of another store is touched."""

import json
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from evaluating import QUICK, Run, asking, evaluated
from safetensors.numpy import save

import memr_cli.learning.training as training
from memr_cli.experiment import keys
from memr_cli.experiment.keys import LIBRARIES, installed_version
from memr_cli.ingestion import IngestSettings, ingest
from memr_cli.progress import silent
from memr_cli.vocabulary import Pooling
from store.reader import Store

ACOUSTIC = asking("acoustic")
Damage = Callable[[bytes], bytes]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".h5"
    }


@pytest.mark.usefixtures("untrainable")
def test_a_second_run_reads_its_metrics_and_leaves_every_file_alone(
    memr: Run, evaluated_store: Path
) -> None:
    before = files(evaluated_store.parent)
    found = evaluated(memr, evaluated_store)
    assert list(found) == ["visual", "acoustic", "lexical", "early", "late"]
    for method, result in found.items():
        assert result.pop("reused")
        assert result.pop("seconds") >= 0
        assert result == json.loads(before[f"metrics/speaker/{method}.json"])
    assert files(evaluated_store.parent) == before


@pytest.mark.usefixtures("untrainable")
def test_a_reused_result_names_its_files_from_where_it_is_asked_for(
    memr: Run, evaluated_store: Path
) -> None:
    here = evaluated(memr, evaluated_store)["late"]["files"]
    there = evaluated(memr, evaluated_store.resolve())["late"]["files"]
    assert len(here["checkpoints"]) == 3 * 5
    for name, path in zip(
        (here["metrics"], here["predictions"], *here["checkpoints"]),
        (there["metrics"], there["predictions"], *there["checkpoints"]),
        strict=True,
    ):
        assert path == str(Path(name).resolve()) != name


def test_two_runs_with_one_seed_give_identical_predictions_and_leave_no_temporary_file(
    memr: Run, evaluated_store: Path
) -> None:
    first = files(evaluated_store.parent)
    for name in ("metrics", "predictions", "checkpoints"):
        shutil.rmtree(evaluated_store.parent / name)
    evaluated(memr, evaluated_store)
    assert files(evaluated_store.parent) == first
    assert not [name for name in first if Path(name).name.startswith(".")]


def test_late_alone_trains_its_members_and_evaluating_them_later_reuses_their_models(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluated(memr, small_store, *asking("late"))
    trained = files(small_store.parent / "checkpoints")
    assert len(trained) == 3 * 5
    monkeypatch.setattr(training, "train", None)
    assert not evaluated(memr, small_store, *ACOUSTIC)["acoustic"]["reused"]
    assert files(small_store.parent / "checkpoints") == trained


def test_more_seeds_keep_the_models_of_the_first(memr: Run, evaluated_store: Path) -> None:
    folder = evaluated_store.parent / "checkpoints" / "speaker" / "acoustic"
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    result = evaluated(memr, evaluated_store, *ACOUSTIC, "--seeds", "2", command="train")
    assert not result["acoustic"]["reused"]
    assert len(files(folder)) == 10
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


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
    memr: Run, evaluated_store: Path, change: tuple[str, str]
) -> None:
    ran = memr("evaluate", "--store", evaluated_store, *QUICK, *ACOUSTIC, *change)
    assert not ran.lines[0]["reused"]
    assert "acoustic.json is replaced: it was made with other settings" in ran.stderr


def test_an_option_that_a_method_ignores_is_in_its_result_and_trains_nothing(
    memr: Run, evaluated_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = evaluated_store.parent / "metrics" / "speaker" / "lexical.json"
    before = json.loads(path.read_text())
    evaluated(memr, evaluated_store, *asking("early"), "--modality-dropout", "0.3")
    monkeypatch.setattr(training, "train", None)
    asked = (*asking("lexical", "early"), "--modality-dropout", "0.3")
    lexical = evaluated(memr, evaluated_store, *asked)["lexical"]
    assert (lexical["reused"], lexical["settings"]["overrides"]["modality_dropout"]) == (False, 0.3)
    assert lexical["metrics"] == before["metrics"]


def test_changed_content_of_the_store_makes_results_stale(
    memr: Run, evaluated_store: Path, small_raw: Path
) -> None:
    pooled = IngestSettings(pooling=Pooling.MAX, overwrite=True)
    ingest(small_raw, evaluated_store, pooled, silent)
    ran = memr("evaluate", "--store", evaluated_store, *QUICK, *ACOUSTIC)
    assert not ran.lines[0]["reused"]
    assert "the store's content has changed" in ran.stderr


CHECKPOINT = "checkpoints/speaker/acoustic/seed0/fold1.safetensors"
METRICS = "metrics/speaker/acoustic.json"
NOT_SCORED = "is missing or not the file that was scored"
NOT_OURS = "it is not as memr wrote it"


def last_bits_flipped(content: bytes) -> bytes:
    return content[:-4] + bytes(byte ^ 0x80 for byte in content[-4:])


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        (METRICS, lambda _: b"{", NOT_OURS),
        (METRICS, lambda _: b"\xff", NOT_OURS),
        (METRICS, lambda _: b'{"schema": "memr.evaluate/1"}', NOT_OURS),
        (METRICS, lambda content: content.replace(b'"n": 2', b'"n": 1', 1), NOT_OURS),
        ("predictions/speaker/acoustic.csv", lambda c: c.replace(b"F01", b"F02", 1), NOT_SCORED),
        (CHECKPOINT, None, NOT_SCORED),
        (CHECKPOINT, lambda _: b"no checkpoint", "it is damaged"),
        (CHECKPOINT, lambda _: save({"a": np.zeros(3)}), "it was not written by memr"),
        (CHECKPOINT, last_bits_flipped, "its weights are not those that were written"),
    ],
)
def test_a_file_that_was_changed_or_lost_is_made_again_with_a_reason(
    memr: Run,
    evaluated_store: Path,
    name: str,
    damage: Callable[[bytes], bytes] | None,
    reason: str,
) -> None:
    path = evaluated_store.parent / name
    good = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage(good))
        assert path.read_bytes() != good
    ran = memr("evaluate", "--store", evaluated_store, *QUICK, *ACOUSTIC)
    assert not ran.lines[0]["reused"]
    assert ran.stderr.count(reason) == 1
    assert path.read_bytes() == good
    assert evaluated(memr, evaluated_store, *ACOUSTIC)["acoustic"]["reused"]


def test_one_changed_model_is_made_again_and_then_the_vote_is_as_it_was(
    memr: Run, evaluated_store: Path
) -> None:
    victim = evaluated_store.parent / "checkpoints" / "speaker" / "lexical" / "seed0"
    good = (victim / "fold2.safetensors").read_bytes()
    shutil.copy(victim / "fold3.safetensors", victim / "fold2.safetensors")
    ran = memr("evaluate", "--store", evaluated_store, *QUICK)
    reused = {result["method"]: result["reused"] for result in ran.lines}
    stale = {name for name, fresh in reused.items() if not fresh}
    assert (stale, len(reused)) == ({"lexical"}, 5)
    assert ran.stderr.count(NOT_SCORED) == 1
    assert (victim / "fold2.safetensors").read_bytes() == good


@pytest.mark.usefixtures("untrainable")
@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("removed", ["checkpoints", "metrics"])
def test_results_of_a_store_of_another_name_are_never_replaced(
    memr: Run, evaluated_store: Path, command: str, removed: str
) -> None:
    folder = evaluated_store.parent
    shutil.rmtree(folder / removed)
    before = files(folder)
    other = evaluated_store.rename(evaluated_store.with_name("other.h5"))
    ran = memr(command, "--store", other, *QUICK)
    assert (ran.code, ran.stdout) == (5, "")
    assert "belongs to the store memr.h5, not to other.h5" in ran.stderr
    assert "--out" in ran.stderr
    assert files(folder) == before


def test_an_interrupted_run_keeps_what_was_finished_and_the_next_goes_on(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (*ACOUSTIC, "--preset", "original")
    real = training.train

    def interrupted(*given: Any) -> Iterator[Any]:
        for done, item in enumerate(real(*given)):
            if done == 2:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(training, "train", interrupted)
    ran = memr("evaluate", "--store", small_store, *QUICK, *arguments)
    assert (ran.code, ran.stdout) == (130, "")
    kept = files(small_store.parent)
    assert len(kept) == 2
    assert all(name.startswith("checkpoints") for name in kept)

    trained: list[int] = []

    def counted(inputs: Any, tasks: Any, *rest: Any) -> Iterator[Any]:
        trained.append(len(tasks))
        return real(inputs, tasks, *rest)

    monkeypatch.setattr(training, "train", counted)
    result = evaluated(memr, small_store, *arguments)["acoustic"]
    assert trained == [3]
    assert {name: files(small_store.parent)[name] for name in kept} == kept
    afresh = evaluated(memr, small_store, *arguments, "--out", small_store.parent / "afresh")
    assert result["metrics"] == afresh["acoustic"]["metrics"]


def test_a_seed_gives_the_same_models_whatever_trains_beside_it(
    memr: Run, small_store: Path, tmp_path: Path
) -> None:
    call = ("train", "--store", small_store, "--epochs", "30")
    memr(*call, *asking("lexical"), "--out", tmp_path / "one")
    memr(*call, *asking("lexical"), "--seeds", 3, "--out", tmp_path / "three")
    memr(*call, "--out", tmp_path / "all")
    one = files(tmp_path / "one")
    assert one
    for beside in ("three", "all"):
        found = files(tmp_path / beside)
        assert {name: found[name] for name in one} == one


@pytest.mark.parametrize("name", LIBRARIES)
def test_versions_are_those_of_the_installed_libraries(name: str) -> None:
    assert installed_version(name) == version(name)


def test_the_version_of_a_library_comes_from_its_metadata_where_its_folder_has_none(
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
    evaluated(memr, small_store, *asking("lexical"))
    assert read == ["lexical"]
    read.clear()
    evaluated(memr, small_store)
    assert sorted(read) == ["acoustic", "lexical", "visual"]


@pytest.mark.usefixtures("untrainable")
def test_a_device_makes_nothing_stale(memr: Run, evaluated_store: Path) -> None:
    result = evaluated(memr, evaluated_store, *ACOUSTIC, "--device", "cpu")["acoustic"]
    assert (result["settings"]["device"], result["reused"]) == ("cpu", True)


def test_a_device_that_is_not_there_is_refused(
    memr: Run, small_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    ran = memr("train", "--store", small_store, "--device", "cuda", *QUICK)
    assert (ran.code, ran.stdout) == (6, "")
    assert ran.stderr.startswith("memr: error: --device cuda: there is no CUDA device")
