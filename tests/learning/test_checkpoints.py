from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from memr_cli.learning.checkpoints import Checkpoint, CheckpointError, read, read_facts

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
