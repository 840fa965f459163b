"""What a store and a protocol have that would mislead, as `memr audit` writes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from memr_cli.reporting.studies.study import Study
from memr_cli.reporting.values import items, named, text

SEVERITIES = ("severe", "warning", "info")
"""The gravest first."""


@dataclass(frozen=True)
class Finding:
    """One thing found; modality is None where it concerns none in particular."""

    code: str
    severity: str
    modality: str | None
    value: float | None
    message: str
    action: str


@dataclass(frozen=True)
class Audit(Study):
    """findings: the gravest first. probes: every number that was measured."""

    findings: tuple[Finding, ...]
    probes: Mapping[str, Any]

    @classmethod
    def parse(cls, value: Mapping[str, Any], path: PurePath) -> "Audit":
        """Read the object of an audit's file.

        Raises KeyError, TypeError, ValueError or AttributeError where it is not shaped as one.
        """
        findings = [_finding(one) for one in items(value["findings"])]
        return cls(
            **cls.shared(value, path),
            findings=tuple(sorted(findings, key=lambda one: SEVERITIES.index(one.severity))),
            probes=named(value.get("probes")),
        )

    def count(self, severity: str) -> int:
        """How many findings are of this severity."""
        return sum(one.severity == severity for one in self.findings)


def _finding(value: Mapping[str, Any]) -> Finding:
    if value["severity"] not in SEVERITIES:
        raise ValueError(f"a finding is of severity {value['severity']!r}")
    found = value.get("value")
    return Finding(
        code=text(value["code"]),
        severity=text(value["severity"]),
        modality=text(value.get("modality")) or None,
        value=float(found) if isinstance(found, int | float) else None,
        message=text(value["message"]),
        action=text(value.get("action")),
    )
