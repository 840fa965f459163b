"""Where networks can be trained, by name. Imports nothing heavy: --help needs it."""

from enum import StrEnum


class Device(StrEnum):
    """What computes."""

    AUTO = "auto"
    """CUDA where there is a device for it, the processor elsewhere."""
    CPU = "cpu"
    CUDA = "cuda"
