"""What results may differ in and yet be compared, if that is asked for. Imports nothing heavy."""

from enum import StrEnum


class Across(StrEnum):
    """A field of the settings in which compared results may differ."""

    NORMALIZE = "normalize"
    ENSEMBLE = "ensemble"
