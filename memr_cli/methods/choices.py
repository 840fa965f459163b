"""The published methods and the presets, by name. Imports nothing heavy: --help needs it."""

from enum import StrEnum

PUBLISHED = ("visual", "acoustic", "lexical", "early", "late")
"""The five methods of the published comparison, in the order of its table."""


class Preset(StrEnum):
    """How models are trained."""

    DEFAULT = "default"
    """Ours: the epoch is chosen on validation speakers, then all training rows are used."""
    ORIGINAL = "original"
    """The published notebook's: a fixed number of epochs, the last one kept."""
