"""Who may be tested, by name. Imports nothing heavy: --help needs it."""

from enum import StrEnum


class ProtocolName(StrEnum):
    """Who is tested."""

    SPEAKER = "speaker"
    SESSION = "session"
    LOSO = "loso"
    SPLIT = "split"


class Calibration(StrEnum):
    """What is done to probabilities so that they say how often a decision is right."""

    NONE = "none"
    TEMPERATURE = "temperature"
    """One temperature a fold, fitted on validation rows by a model that did not train on them."""
