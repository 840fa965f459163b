"""The rules of FORMAT.md by id, and a breach of one."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """The ids under which FORMAT.md states the rules."""

    READABLE = "readable"
    MEMBER_MISSING = "member-missing"
    MEMBER_UNKNOWN = "member-unknown"
    LINK_HARD = "link-hard"
    DATASET_PLAIN = "dataset-plain"
    DATASET_STORED = "dataset-stored"
    DATASET_TYPE = "dataset-type"
    DATASET_SHAPE = "dataset-shape"
    ROOT_ATTRIBUTE = "root-attribute"
    PROVENANCE_VALUE = "provenance-value"
    CLASS_NAME_UNIQUE = "class-name-unique"
    TEXT_VALID = "text-valid"
    NAME_SORTED = "name-sorted"
    NAME_USED = "name-used"
    UTTERANCE_COUNT = "utterance-count"
    UTTERANCE_ID_UNIQUE = "utterance-id-unique"
    UTTERANCE_CODE_RANGE = "utterance-code-range"
    UTTERANCE_TURN_RANGE = "utterance-turn-range"
    UTTERANCE_SOURCE_ROW = "utterance-source-row"
    UTTERANCE_ORDER = "utterance-order"
    INDEX_SPEAKER = "index-speaker"
    INDEX_LABEL = "index-label"
    MODALITY_COUNT = "modality-count"
    MODALITY_NAME = "modality-name"
    MODALITY_PRESENT = "modality-present"
    PRESENT_BOOLEAN = "present-boolean"
    FRAMES_PRESENT = "frames-present"
    POOLED_FINITE = "pooled-finite"
    POOLED_MISSING = "pooled-missing"
    SEQUENCE_OFFSETS = "sequence-offsets"
    SEQUENCE_FINITE = "sequence-finite"
    CHECKSUM = "checksum"
    FINGERPRINT = "fingerprint"
    PROVENANCE_CHECKSUM = "provenance-checksum"


@dataclass(frozen=True)
class Violation:
    """One rule broken at one place."""

    rule: str
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; expected {self.expected} (rule {self.rule})"
