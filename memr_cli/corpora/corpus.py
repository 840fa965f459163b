"""A raw corpus as every layout returns it, and the interface of a layout."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memr_cli.corpora.features import FeatureSource


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
    """Utterances in the order of their layout, and the source of their features.

    `modalities` are those that the layout lists, whether or not any utterance has them. `listing`
    is the content of the files that list the utterances, for provenance. `notes` are sentences for
    people about how the layout was read. `source` may hold open files: close it.
    """

    layout: str
    utterances: tuple[Utterance, ...]
    class_names: tuple[str, ...]
    synthetic: bool
    source: FeatureSource
    modalities: tuple[str, ...]
    listing: bytes
    notes: tuple[str, ...] = ()


class Layout(Protocol):
    """A way to arrange the files of a corpus.

    name: value of `--layout`. description: one line for people. source: a citation or address.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> str: ...  # noqa: D102

    def recognises(self, raw: Path) -> bool:
        """Return whether the corpus at `raw` has this layout, judged by its content."""
        ...

    def read(self, raw: Path, class_names: Sequence[str] | None, max_file_size: int) -> Corpus:
        """Return the corpus at `raw`, without reading its features.

        class_names: the classes in the order of their labels; None: the layout's own.
        max_file_size: bytes of the largest file that may be read.
        Raises InputError for content that the layout does not allow, OSError from the system.
        """
        ...
