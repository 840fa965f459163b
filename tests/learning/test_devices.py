import os
import subprocess
import sys

import pytest
import torch

from memr_cli.errors import SystemRefusedError
from memr_cli.learning.devices import resolved
from memr_cli.vocabulary import Device


@pytest.mark.parametrize(
    ("asked", "available", "meant"),
    [
        (Device.AUTO, False, "cpu"),
        (Device.AUTO, True, "cuda"),
        (Device.CPU, True, "cpu"),
        (Device.CUDA, True, "cuda"),
    ],
)
def test_auto_takes_cuda_where_there_is_any(
    asked: Device, available: bool, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert resolved(asked) == meant


def test_cuda_where_there_is_none_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemRefusedError, match=r"--device cuda.*Use --device cpu"):
        resolved(Device.CUDA)


def test_torch_that_is_loaded_where_one_thread_is_allowed_uses_one_until_the_end() -> None:
    program = """
from memr_cli.learning.devices import one_thread
with one_thread():
    import torch
    assert torch.get_num_threads() == 1
assert torch.get_num_threads() == 3
"""
    asked = {**os.environ, "OMP_NUM_THREADS": "3"}
    subprocess.run([sys.executable, "-c", program], check=True, env=asked)
