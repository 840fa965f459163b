"""What every raw layout is read into."""

from collections.abc import Mapping
from dataclasses import dataclass

from memr_cli.corpora.sources import FeatureSource


@dataclass(frozen=True, slots=True)
class Utterance:
    """One turn of one speaker, as the raw layout lists it.

    `label` is a position in the corpus's class names, None where unlabelled. `features` maps a
    modality to the path written in the layout; a modality without a path is missing.
    """

    id: str
    speaker: str
    label: int | None
    session: str | None
    dialogue: str | None
    turn: int | None
    split: str | None
    features: Mapping[str, str]


@dataclass(frozen=True)
class Corpus:
    """Utterances in the order of their layout, and where their features are read from.

    `notes` are sentences about how the layout was read that a person should see. `source` may
    hold open files: close it.
    """

    layout: str
    utterances: tuple[Utterance, ...]
    class_names: tuple[str, ...]
    synthetic: bool
    source: FeatureSource
    modalities: tuple[str, ...]
    """The modalities that the layout lists, whether or not any utterance has them."""
    listing: bytes
    """The bytes of the files that list the utterances, for provenance."""
    notes: tuple[str, ...] = ()
