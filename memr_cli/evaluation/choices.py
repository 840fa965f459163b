"""Who may be tested, by name. Imports nothing heavy: --help needs it."""

from enum import StrEnum


class ProtocolName(StrEnum):
    """Who is tested."""

    SPEAKER = "speaker"
    SESSION = "session"
    LOSO = "loso"
    SPLIT = "split"
