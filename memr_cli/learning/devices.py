"""Where networks are trained: on the processor, or on a CUDA device."""

import torch

from memr_cli.errors import SystemRefusedError
from memr_cli.vocabulary import Device


def resolved(device: Device) -> str:
    """The device that is meant, `cpu` or `cuda`: `auto` takes CUDA where there is any.

    Raises SystemRefusedError for CUDA where there is none.
    """
    available = torch.cuda.is_available()
    if device is Device.CUDA and not available:
        build = "with" if torch.version.cuda else "without"
        raise SystemRefusedError(
            "--device cuda: there is no CUDA device that could be used; the installed PyTorch, "
            f"{torch.__version__}, was built {build} CUDA. Use --device cpu, or mend the driver or "
            "the installation"
        )
    return "cuda" if available and device is not Device.CPU else "cpu"
