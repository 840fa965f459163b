"""The result of `memr audit`: what would mislead in a store under a protocol."""

from typing import Any

from memr_cli.results.schema import UNSET, Count, Part, Protocol, Result, UnsetType


class Finding(Part):
    """Something found."""

    code: str
    severity: str
    """`severe`, `warning` or `info`."""
    modality: str | None
    """The modality it concerns, if one in particular."""
    value: float
    """The number that decided."""
    message: str
    action: str
    """What to do about it."""


class FindingCounts(Part):
    """Findings of each severity."""

    info: Count
    warning: Count
    severe: Count


class AuditFiles(Part):
    """Path of the audit."""

    audit: str


class Audit(Result, tag="memr.audit/1"):
    """A store under a protocol, examined before anyone believes a score."""

    synthetic: bool
    protocol: Protocol
    subset: str
    n: Count
    """Test utterances."""
    findings: tuple[Finding, ...]
    """The most severe first."""
    counts: FindingCounts
    probes: dict[str, Any]
    """All numbers that were measured."""
    notes: tuple[str, ...]
    files: AuditFiles
    seconds: float | UnsetType = UNSET
