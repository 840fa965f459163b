"""The command `memr audit`."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.errors import InputError
from memr_cli.vocabulary import ProtocolName, Subset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from memr_cli.results.audit import Finding, FindingCounts


def audit(
    protocol: options.Protocol = ProtocolName.SPEAKER,
    folds: options.Folds = None,
    subset: options.SubsetName = Subset.ALL,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 3 where a finding is severe.")
    ] = False,
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
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
    from msgspec.structs import replace

    from memr_cli.audit.run import AuditSettings
    from memr_cli.audit.run import audit as run
    from memr_cli.results.schema import to_json

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        folder = options.out_folder(store, out)
        started = time.monotonic()
        result = run(store, folder, AuditSettings(protocol, folds, subset), console.progress)
        result = replace(result, seconds=round(time.monotonic() - started, 3))
        console.emit(to_json(result), _rows(result.findings))
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
