"""How networks can be trained, by name. Imports nothing heavy: --help needs it."""

from enum import StrEnum


class Device(StrEnum):
    """What computes."""

    AUTO = "auto"
    """CUDA where there is a device for it, the processor elsewhere."""
    CPU = "cpu"
    CUDA = "cuda"


class ClassWeights(StrEnum):
    """How much the rows of each class count in training."""

    NONE = "none"
    """Every row alike."""
    BALANCED = "balanced"
    """Every class alike."""
