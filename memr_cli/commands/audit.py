"""The command `memr audit`."""

import time
from typing import Annotated, Any

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.errors import InputError
from memr_cli.vocabulary import ProtocolName, Subset


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
    from memr_cli.audit.run import AuditSettings
    from memr_cli.audit.run import audit as audited

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        folder = options.out_folder(store, out)
        started = time.monotonic()
        result = audited(store, folder, AuditSettings(protocol, folds, subset), console.progress)
        seconds = round(time.monotonic() - started, 3)
        console.emit({**result, "seconds": seconds}, _rows(result))
        for note in result["notes"]:
            console.detail(f"{note}.")
        console.notice(f"{_counts(result)}; the audit is in {result['files']['audit']}.")
    severe = [finding for finding in result["findings"] if finding["severity"] == "severe"]
    if strict and severe:
        raise InputError(_complaint(severe))


def _rows(result: dict[str, Any]) -> list[dict[str, str]]:
    """The findings as rows of a table."""
    return [
        {
            "severity": finding["severity"],
            "code": finding["code"],
            "modality": finding["modality"] or "-",
            "value": f"{finding['value']:.4g}",
            "message": finding["message"],
        }
        for finding in result["findings"]
    ]


_NOUNS = {
    "severe": ("severe finding", "severe findings"),
    "warning": ("warning", "warnings"),
    "info": ("point for information", "points for information"),
}


def _counts(result: dict[str, Any]) -> str:
    counts = result["counts"]
    if not any(counts.values()):
        return f"nothing found under protocol {result['protocol']['name']}"
    words = [f"{n} {_NOUNS[severity][n != 1]}" for severity, n in reversed(counts.items()) if n]
    listed = " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
    return f"found {listed} under protocol {result['protocol']['name']}"


def _complaint(severe: list[dict[str, Any]]) -> str:
    named = [
        finding["code"] + (f" ({finding['modality']})" if finding["modality"] else "")
        for finding in severe
    ]
    return (
        f"severe under --strict: {', '.join(named)}. {severe[0]['message']} {severe[0]['action']}"
    )
