"""Where networks are trained: on the processor, or on a CUDA device."""

import torch

from memr_cli.errors import SystemRefusedError
from memr_cli.learning.choices import Device


def resolved(device: Device) -> str:
    """The device that is meant, `cpu` or `cuda`: `auto` takes CUDA where there is any.

    Raises SystemRefusedError for CUDA where there is none.
    """
    available = torch.cuda.is_available()
    if device is Device.CUDA and not available:
        build = "is built with" if torch.version.cuda else "is built without"
        raise SystemRefusedError(
            f"--device cuda: no CUDA device can be used here; the installed PyTorch "
            f"{torch.__version__} {build} CUDA. Use --device cpu, or see to the driver and the build"
        )
    return "cuda" if available and device is not Device.CPU else "cpu"
