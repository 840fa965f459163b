"""Findings of an audit: their codes, severities and common wording."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from memr_cli.evaluation.folds import first_names
from memr_cli.results.audit import Finding

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Severity(StrEnum):
    """The weight of a finding, the most severe first."""

    SEVERE = "severe"
    """Scores under this protocol do not mean what they seem to mean."""
    WARNING = "warning"
    """Scores may be off, or rest on little; say so with them."""
    INFO = "info"
    """Good to know; nothing is wrong."""


@dataclass(frozen=True)
class Code:
    """A kind of finding: its meaning, the rule of its severity, and what to do about it.

    action: may hold `{modality}`, `{evaluate}` (the command that scores what was audited) and
    `{subset}` (its option, with a space before it). Codes never change their meaning.
    """

    name: str
    meaning: str
    rule: str
    action: str

    def found(
        self,
        severity: Severity,
        value: float,
        message: str,
        modality: str | None = None,
        action: str = "",
    ) -> Finding:
        """Return a finding of this code. value: the number that decided. action: if not its own."""
        return Finding(
            code=self.name,
            severity=str(severity),
            modality=modality,
            value=value,
            message=message,
            action=action or self.action,
        )


@dataclass(frozen=True)
class Checked(Generic[T_co]):
    """The measurements of a check, its findings, and notes on what it could not do."""

    numbers: T_co
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def joined(numbers: T, all_checked: Sequence[Checked[object]]) -> Checked[T]:
    """Return measurements with the findings and notes of all the checks that made them."""
    findings = tuple(finding for checked in all_checked for finding in checked.findings)
    return Checked(numbers, findings, tuple(note for one in all_checked for note in one.notes))


def percent(share: float) -> str:
    """Return a share in words."""
    return f"{100 * share:.1f} %"


def counted(n: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: `1 dim`, `2 dims`."""
    return f"{n} {singular if n == 1 else plural or singular + 's'}"


def few(names: Sequence[str]) -> str:
    """Return the first five names, and how many more there are."""
    return first_names(names, 5)
