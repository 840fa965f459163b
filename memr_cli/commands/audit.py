"""The command `memr audit`."""

from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.options import CommonOptions, Folds, Protocol, SubsetName, with_option_groups
from memr_cli.errors import InputError
from memr_cli.vocabulary import ProtocolName, Subset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memr_cli.results.audit import Finding, FindingCounts


@with_option_groups
def audit(
    common: CommonOptions,
    protocol: Protocol = ProtocolName.SPEAKER,
    folds: Folds = None,
    subset: SubsetName = Subset.ALL,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where a finding is severe.")
    ] = False,
) -> None:
    """Look at a store and a protocol before anyone believes a score.

    Finds what training and test share, features that know labels or speakers, parts too small,
    and values that are wrong. Nothing is trained but small linear probes.

    \b
    Examples:
      memr audit --protocol session
      memr audit --protocol split --strict
      memr audit | jq -r '.findings[] | .severity + " " + .code + ": " + .message'
    """
    from memr_cli import api

    with common.console() as console:
        result = api.audit(
            common.store,
            out=common.out,
            protocol=protocol,
            folds=folds,
            subset=subset,
            progress=console.progress,
        )
        console.emit(result, _rows(result.findings))
        for note in result.notes:
            console.detail(f"{note}.")
        found = _counts(result.counts)
        console.notice(f"{found} under protocol {protocol}; the audit is in {result.files.audit}.")
    severe = [finding for finding in result.findings if finding.severity == "severe"]
    if strict and severe:
        raise InputError(_complaint(severe))


def _rows(findings: "Sequence[Finding]") -> list[dict[str, str]]:
    """Return the findings as rows of a table."""
    return [
        {
            "severity": finding.severity,
            "code": finding.code,
            "modality": finding.modality or "-",
            "value": f"{finding.value:.4g}",
            "message": finding.message,
        }
        for finding in findings
    ]


def _counts(counts: "FindingCounts") -> str:
    """Return the numbers of findings in words, the most severe first."""
    nouns = (
        (counts.severe, "severe finding"),
        (counts.warning, "warning"),
        (counts.info, "informational finding"),
    )
    words = [f"{n} {noun}{'s' if n != 1 else ''}" for n, noun in nouns if n]
    listed = " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
    return f"found {listed}" if listed else "nothing found"


def _complaint(severe: "Sequence[Finding]") -> str:
    named = [one.code + (f" ({one.modality})" if one.modality else "") for one in severe]
    return f"severe under --strict: {', '.join(named)}. {severe[0].message} {severe[0].action}"
