"""What hostile results once did: files that a command broke on, hung on or believed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sandbox
from evaluated_folder import (
    ABLATE,
    ABLATION,
    CHECKPOINT,
    COMPARE,
    LEXICAL,
    METRICS,
    PREDICTIONS,
    STUDIES,
    change,
    copied,
    forge,
    run,
    vouch,
)

from memr_cli.errors import InputError, UnsupportedError
from memr_cli.experiment.models import Models, Slot
from memr_cli.files.visible import printable, visible
from memr_cli.learning.checkpoints import CheckpointError, Layout, read
from memr_cli.results.folder import ResultFolder
from memr_cli.results.hashes import hashes, no_longer_scored
from memr_cli.results.predictions import Predictions

Edit = Callable[[dict[str, Any]], Any]


NOT_OURS = "is replaced: it is not as memr wrote it."
EDITS: dict[str, tuple[Edit, ...]] = {
    METRICS: (
        lambda value: value["metrics"].update(f1_micro=None),
        lambda value: value["metrics"].pop("f1_weighted"),
        lambda value: value["metrics"]["uar"].update(std=None),
        lambda value: value["metrics"]["f1_micro"].update(ci95=[0.5]),
        lambda value: value.update(notes=[{}]),
        lambda value: value.update(leakage=[]),
        lambda value: value.update(ties=1),
        lambda value: value.update(store=7),
        lambda value: value.update(hashes={PREDICTIONS: None}),
    ),
    ABLATION: (
        lambda value: value["noise"].clear(),
        lambda value: value["subsets"].pop(),
        lambda value: value["shapley"].pop("uar"),
        lambda value: value["shapley"]["accuracy"].pop("lexical"),
        lambda value: value["loss"][3]["metrics"].pop("f1_macro"),
        lambda value: value["subsets"][0]["metrics"]["accuracy"].update(mean=None),
        lambda value: value["subsets"][1].update(retrained=value["subsets"][1]["metrics"]),
        lambda value: value.update(modalities=["x"]),
    ),
}


@pytest.mark.parametrize(
    ("name", "number"), [(name, number) for name in EDITS for number in range(len(EDITS[name]))]
)
def test_a_result_of_another_shape_is_replaced_though_its_hash_is_right(
    name: str, number: int
) -> None:
    command = ABLATE if name == ABLATION else LEXICAL
    with copied("ablation") as folder:
        change(folder / name, lambda _: None)
        assert run(folder, *command).lines[0]["reused"]
        change(folder / name, EDITS[name][number])
        ended = run(folder, *command)
        assert not ended.lines[0]["reused"]
        assert f"{folder / name} {NOT_OURS}" in ended.stderr


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd"])
def test_a_result_that_vouches_for_a_file_elsewhere_is_replaced(name: str) -> None:
    with copied() as folder:
        change(folder / METRICS, lambda value: value.update(hashes={name: "sha256:00"}))
        assert f"{name} is missing or not the file" in run(folder, *LEXICAL).stderr


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"schema": "memr.evaluate/1", "a": ' + "[" * 900 + "]" * 900 + "}",
        '{"n": 1e400}',
        '{"n": ' + "9" * 5000 + "}",
        "\ufeff{}",
        "[1]",
        "",
    ],
    ids=["deep", "as deep as is read", "huge", "digits", "mark", "list", "empty"],
)
def test_json_that_is_none_is_replaced(text: str) -> None:
    with copied() as folder:
        (folder / METRICS).write_text(text)
        ended = run(folder, *LEXICAL)
        assert not ended.lines[0]["reused"]
        assert f"{folder / METRICS} {NOT_OURS}" in ended.stderr


def test_a_pipe_in_place_of_a_file_is_not_waited_for() -> None:
    with copied() as folder:
        for name in (METRICS, PREDICTIONS, CHECKPOINT, *(name for name, _ in STUDIES.values())):
            place = folder / name
            place.unlink(missing_ok=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(place)
        assert run(folder, *COMPARE).code == 5
        assert run(folder, *LEXICAL).code == 0


def test_links_that_lead_in_a_circle_or_nowhere_are_replaced() -> None:
    with copied() as folder:
        for name in (METRICS, CHECKPOINT):
            (folder / name).unlink()
        (folder / METRICS).symlink_to(folder / METRICS)
        (folder / CHECKPOINT).symlink_to(folder / "nowhere")
        assert run(folder, *COMPARE).code == 5
        assert run(folder, *LEXICAL).code in (0, 6)


@pytest.mark.parametrize("name", [METRICS, PREDICTIONS, CHECKPOINT])
def test_a_folder_in_place_of_a_file_is_refused_before_any_work(name: str) -> None:
    with copied() as folder:
        (folder / name).unlink()
        (folder / name).mkdir()
        with sandbox.nothing_else_changed(folder):
            ended = run(folder, *LEXICAL)
        assert ended.code == 6
        assert f"{name} is a folder" in ended.stderr


def test_a_file_larger_than_memr_writes_is_not_read() -> None:
    with copied() as folder:
        os.truncate(folder / METRICS, 2**40)
        ended = run(folder, *COMPARE)
        assert ended.code == 5
        assert "bytes, and memr reads at most" in ended.stderr
        assert run(folder, *LEXICAL).code == 0
        os.truncate(folder / PREDICTIONS, 2**40)
        os.truncate(folder / CHECKPOINT, 2**40)
        assert run(folder, *LEXICAL).code == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [(",0,0,", ",0,99999999999999999999999,"), ("p_", "q_"), ("\n", "\n\n"), (",0.", ",-0."),
     (",0.", ",nan"), (None, "")],
)  # fmt: skip
def test_odd_predictions_are_refused(old: str | None, new: str) -> None:
    with copied() as folder:
        path = folder / PREDICTIONS
        text = path.read_text()
        path.write_text(text.replace(text if old is None else old, new))
        with pytest.raises(InputError, match="run `memr evaluate` again"):
            Predictions.read(path)


def test_predictions_of_folds_that_there_are_not_are_refused() -> None:
    with copied() as folder:
        path = folder / PREDICTIONS
        path.write_text(path.read_text().replace(",0,0,", ",99,0,"))
        vouch(folder, PREDICTIONS)
        ended = run(folder, *COMPARE)
        assert ended.code == 3
        assert "names a fold that" in ended.stderr


@pytest.mark.parametrize(
    "spoil",
    [
        lambda arrays: arrays.pop("layers.0.weight"),
        lambda arrays: arrays.update({"layers.0.weight": np.zeros((1, 1), np.float32)}),
        lambda arrays: arrays.update({"scaler.mean": np.zeros(1, np.float32)}),
        lambda arrays: arrays.update({"selection.layers.0.bias": np.zeros(1, np.float32)}),
        lambda arrays: arrays.update({"other": np.zeros(1, np.float32)}),
        lambda arrays: arrays["layers.0.bias"].fill(np.nan),
        lambda arrays: arrays["scaler.scale"].fill(0),
        lambda arrays: arrays.update({"layers.0.bias": arrays["layers.0.bias"].astype("f8")}),
    ],
    ids=["gone", "shape", "scaler", "selection", "more", "nan", "scale", "type"],
)
def test_forged_arrays_are_refused_though_hash_and_key_are_right(spoil: Edit) -> None:
    with copied() as folder:
        made = read(folder / CHECKPOINT)
        arrays = {name: array.copy() for name, array in made.arrays.items()}
        shapes = Layout({name: array.shape for name, array in arrays.items()})
        spoil(arrays)
        forge(folder / CHECKPOINT, arrays, dict(made.facts))
        with pytest.raises(CheckpointError):
            read(folder / CHECKPOINT, str(made.facts["key"]), shapes)


def test_a_model_of_other_shapes_is_replaced() -> None:
    with copied() as folder:
        (folder / METRICS).unlink()
        made = read(folder / CHECKPOINT)
        forge(folder / CHECKPOINT, {"other": np.zeros(1, np.float32)}, dict(made.facts))
        ended = run(folder, *LEXICAL)
        assert ended.code == 0
        assert ended.stderr.count(f"{folder / CHECKPOINT} is not used and replaced") == 1
        again = read(folder / CHECKPOINT).arrays
        assert all(np.array_equal(again[name], made.arrays[name]) for name in made.arrays)


def test_a_checkpoint_that_another_run_replaced_is_not_used() -> None:
    with copied() as folder:
        slot = Slot(0, 0, folder / CHECKPOINT, "sha256:another")
        models = Models((slot,), reused=True, layout=None)
        with pytest.raises(UnsupportedError, match="another run replaced"):
            models.checkpoint(0, 0)


def test_weights_that_predict_nan_are_refused() -> None:
    with copied() as folder:
        (folder / METRICS).unlink()
        made = read(folder / CHECKPOINT)
        arrays = {name: np.full_like(array, 3e38) for name, array in made.arrays.items()}
        forge(folder / CHECKPOINT, arrays, dict(made.facts))
        ended = run(folder, *LEXICAL)
        assert ended.code == 5
        assert f"{folder / CHECKPOINT} predicts NaN or infinity" in ended.stderr


@pytest.mark.parametrize(
    "odd",
    [
        *({"epochs": ["x"]}, {"epochs": -5}, {"n_parameters": 2**62}),
        *({"device": "<b>\x1b[2J=cmd"}, {"epochs": "\ud800"}),
    ],
    ids=ascii,
)
def test_a_checkpoint_with_impossible_facts_is_replaced(odd: dict[str, Any]) -> None:
    with copied() as folder:
        made = read(folder / CHECKPOINT)
        forge(folder / CHECKPOINT, made.arrays, {**made.facts, **odd})
        ended = run(folder, "train", *LEXICAL[1:])
        assert ended.code == 0
        assert "it does not say how it was trained" in ended.stderr


def test_a_checkpoint_that_names_no_store_is_replaced() -> None:
    with copied() as folder:
        (folder / METRICS).unlink()
        made = read(folder / CHECKPOINT)
        forge(folder / CHECKPOINT, made.arrays, {**made.facts, "store": ""})
        assert run(folder, *LEXICAL).code == 0


def test_a_name_that_leaves_the_folder_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("secret")
    (tmp_path / "out" / "predictions").mkdir(parents=True)
    folder = ResultFolder(tmp_path / "out")
    for name in ("../secret.csv", str(tmp_path / "secret.csv"), "predictions/../../secret.csv"):
        assert (folder.root / name).is_file()
        assert hashes(folder, [name]) == {}
        predictions = folder.predictions("speaker", "late")
        predictions.parent.mkdir(parents=True, exist_ok=True)
        predictions.write_text("x")
        vouched = {"predictions/speaker/late.csv": "x", name: "sha256:00"}
        vouched["predictions/speaker/late.csv"] = hashes(folder, vouched).popitem()[1]
        assert no_longer_scored(folder, "speaker", "late", vouched) == folder.root / name


def test_a_pipe_or_a_socket_as_checkpoint_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fold0.safetensors")
    with pytest.raises(CheckpointError, match="a pipe"):
        read(tmp_path / "fold0.safetensors")


@pytest.mark.parametrize(
    ("text", "shown", "on_a_terminal"),
    [
        ("anger", "anger", "anger"),
        ("é 怒り", "é 怒り", "é 怒り"),
        ("a\x1b[31mb", "a\\x1b[31mb", "a\\x1b[31mb"),
        ("a\u202eb", "a\\u202eb", "a\\u202eb"),
        ("a\ud800b", "a\\ud800b", "a\\ud800b"),
        ("a\nb", "a\\x0ab", "a\nb"),
        ("62.5\xa0%", "62.5\xa0%", "62.5 %"),
        ("a\u200db", "a\u200db", "a\\u200db"),
    ],
)
def test_nothing_in_a_text_moves_a_cursor(text: str, shown: str, on_a_terminal: str) -> None:
    assert visible(text) == shown
    assert printable(text) == on_a_terminal


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00bad", b"savefig.dpi: 1\n"])
def test_settings_for_matplotlib_among_results_are_not_read(
    tmp_path: Path, content: bytes | None
) -> None:
    settings = tmp_path / "matplotlibrc"
    if content is None:
        os.mkfifo(settings)
    else:
        settings.write_bytes(content)
    code = (  # where it is loaded already, as in this process, nothing is read any more
        "import os, memr_cli.reporting.report, matplotlib\n"
        "print(matplotlib.rcParams['savefig.dpi'], os.getcwd())"
    )
    own = tmp_path / "own"
    environ = {**os.environ, "MPLCONFIGDIR": "own", "MATPLOTLIBRC": str(own)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["figure", str(tmp_path)], done.stderr
    assert own.is_dir()  # the user's own setting still holds
