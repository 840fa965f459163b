"""The words that people choose from: modalities, protocols, presets and the like.

Each list stands here once. Imports nothing heavy, since `--help` needs it.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from memr_cli.errors import UsageError

MODALITIES = ("visual", "acoustic", "lexical")
"""The standard modalities, in the order of tables. Any other legal name is one too."""

_MODALITY = re.compile(r"[a-z][a-z0-9_]*")

METHOD_WORDS = frozenset(
    {"all", "every", "early", "late", "gated", "tensor", "context", "crossmodal"}
)
"""Names of methods, which no modality can have."""


def is_modality_name(name: str) -> bool:
    """Return whether a modality can have this name: `visual`, `physiology`, `eda_2`."""
    return bool(_MODALITY.fullmatch(name)) and name not in METHOD_WORDS | ALIASES.keys()


def ordered_modalities(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in the order that tables have: the standard three, then the others by name."""
    found = set(names)
    return (*(name for name in MODALITIES if name in found), *sorted(found - set(MODALITIES)))


ALIASES = {"video": "visual", "audio": "acoustic", "text": "lexical"}
"""Other words for the modalities, understood wherever a person names one."""


class Pooling(StrEnum):
    """How the frames of an utterance become one vector."""

    MEAN = "mean"
    MAX = "max"


class OnProblem(StrEnum):
    """What a feature file that cannot be used does to an ingest."""

    KEEP = "keep"
    """The utterance stays without that modality, and the problem is listed."""
    FAIL = "fail"
    """Nothing is written."""


class Subset(StrEnum):
    """Which of IEMOCAP's dialogues take part; their utterances' ids tell which they are."""

    ALL = "all"
    IMPROVISED = "improvised"
    SCRIPTED = "scripted"


class Normalization(StrEnum):
    """What features are standardised with, before anything is learned from them."""

    GLOBAL = "global"
    """Mean and spread of the training rows."""
    SPEAKER = "speaker"
    """Each speaker's own mean and spread first, without labels; test speakers' too."""


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


PUBLISHED = ("visual", "acoustic", "lexical", "early", "late")
"""The five methods of the published comparison, in the order of its table."""


class Preset(StrEnum):
    """How models are trained."""

    DEFAULT = "default"
    """Ours: the epoch is chosen on validation speakers, then all training rows are used."""
    ORIGINAL = "original"
    """The published notebook's: a fixed number of epochs, the last one kept."""


DEFAULT_FOLDS = 5
"""Groups of speakers of the protocol `speaker`, where nobody says how many."""


class Across(StrEnum):
    """A field of the settings in which compared results may differ."""

    NORMALIZE = "normalize"
    ENSEMBLE = "ensemble"


_E = TypeVar("_E", bound=StrEnum)


def choice(kind: type[_E], value: str, option: str) -> _E:
    """Return one of the words of an option. Raises UsageError for any other."""
    try:
        return kind(value)
    except ValueError as error:
        raise UsageError(f"--{option} is {value}; give one of {', '.join(kind)}.") from error
