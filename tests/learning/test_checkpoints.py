from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from feed_forward import predict, train
from safetensors.numpy import save_file
from test_training import SETTINGS

from memr_cli.learning.checkpoints import Checkpoint, CheckpointError, read, read_facts
from memr_cli.learning.loop import NO_ROWS, Task
from memr_cli.learning.pooled import PooledInputs
from memr_cli.progress import silent

ARRAYS = {"layers.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "fold0.safetensors"
    Checkpoint(ARRAYS, {"key": "k", "train_loss": 0.25, "classes": ["ä", "b"]}).write(path)
    found = read(path)
    np.testing.assert_array_equal(found.arrays["layers.0.weight"], ARRAYS["layers.0.weight"])
    assert found.facts["classes"] == ["ä", "b"]
    assert read_facts(path)["train_loss"] == 0.25


def test_a_cut_off_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "fold0.safetensors"
    Checkpoint(ARRAYS, {}).write(path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="damaged"):
        read_facts(path)


def test_somebody_elses_file_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "fold0.safetensors"
    save_file(ARRAYS, path)
    with pytest.raises(CheckpointError, match="not written by memr"):
        read_facts(path)


def test_another_version_is_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "fold0.safetensors"
    save_file(ARRAYS, path, {"memr": '{"format": "memr-checkpoint", "version": 99}'})
    with pytest.raises(CheckpointError, match="version is 99, expected 1"):
        read_facts(path)


def test_no_file_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_facts(tmp_path / "fold0.safetensors")


PLAIN = """
import json
import torch
from safetensors import safe_open

with safe_open(path, "pt") as file:
    arrays = {name: file.get_tensor(name) for name in file.keys()}
    facts = json.loads(file.metadata()["memr"])
x = (features - arrays["scaler.mean"]) / arrays["scaler.scale"]
n_layers = sum(name.startswith("layers.") for name in arrays) // 2
for layer in range(n_layers):
    x = x @ arrays[f"layers.{layer}.weight"] + arrays[f"layers.{layer}.bias"]
    x = torch.relu(x) if layer < n_layers - 1 else torch.softmax(x, dim=1)
"""


def test_a_dozen_lines_of_plain_pytorch_load_a_checkpoint_and_predict(
    blobs: PooledInputs, tmp_path: Path
) -> None:
    path, rows = tmp_path / "fold0.safetensors", np.arange(120)
    task = Task(rows[:90], NO_ROWS, None, 3, (0,))
    ((_, fitted),) = train(blobs, [task], SETTINGS, "cpu", silent, "test")
    arrays, scaler = fitted.final.arrays, fitted.final.scaler
    scaling = {"scaler.mean": scaler.mean, "scaler.scale": scaler.scale}
    Checkpoint({**arrays, **scaling}, {"class_names": ["a", "b", "c"]}).write(path)
    names: dict[str, Any] = {"path": path, "features": torch.from_numpy(blobs.features)}
    exec(PLAIN, names)  # noqa: S102 - the lines of a user
    assert names["facts"]["class_names"] == ["a", "b", "c"]
    np.testing.assert_allclose(names["x"], predict(arrays, scaler, blobs, rows), atol=1e-6)
