"""An audit as the report shows it."""

from dataclasses import dataclass

from memr_cli.reporting.studies.study import Study
from memr_cli.results import audit

SEVERITIES = ("severe", "warning", "info")
"""The gravest first."""


@dataclass(frozen=True, eq=False)
class Audit(Study):
    """What would mislead in a store under a protocol."""

    result: audit.Audit

    @property
    def findings(self) -> tuple[audit.Finding, ...]:
        """The findings, the gravest first."""
        return tuple(sorted(self.result.findings, key=lambda one: SEVERITIES.index(one.severity)))

    @property
    def probes(self) -> audit.Probes:
        """Every number that was measured."""
        return self.result.probes

    def count(self, severity: str) -> int:
        """Return how many findings are of this severity."""
        return sum(one.severity == severity for one in self.findings)
