"""Where models are trained: the processor or a CUDA device, and on how many threads."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from memr_cli.errors import SystemRefusedError
from memr_cli.vocabulary import Device

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def resolved(device: Device) -> str:
    """Return `cpu` or `cuda`: `auto` is CUDA where there is a device.

    Raises SystemRefusedError for CUDA where there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if device is Device.CUDA and not available:
        build = "with" if torch.version.cuda else "without"
        raise SystemRefusedError(
            "--device cuda: there is no CUDA device that could be used; the installed PyTorch, "
            f"{torch.__version__}, was built {build} CUDA. Use --device cpu, or mend the driver or "
            "the installation"
        )
    return "cuda" if available and device is not Device.CPU else "cpu"


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use this many threads per operation, also in threads that start meanwhile."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch, BLAS and OpenMP use one thread, also where they are loaded inside.

    Models this small gain nothing from more, and take up to fifty times as long where threads wait
    for processors that are busy. Afterwards torch has the threads that it had, or those it starts
    with; another library that was loaded inside keeps one.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    before = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None
    asked = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # read by a library that is loaded
    try:
        with threadpool_limits(1):
            if before is not None:
                sys.modules["torch"].set_num_threads(1)
            yield
    finally:
        for name, value in asked.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "torch" in sys.modules:
            most = asked["OMP_NUM_THREADS"] or ""
            started = int(most) if most.isdigit() else os.cpu_count() or 1
            sys.modules["torch"].set_num_threads(before or started)
