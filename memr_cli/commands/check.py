"""The command `memr check`."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console, report_error
from memr_cli.errors import StoreRefusedError

if TYPE_CHECKING:
    from store.check import Slabs


def check(
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,  # noqa: ARG001 - every command takes it
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Check a store against every rule of its format and list all violations.

    Exits with 4 where there are any. The rules stand in store/FORMAT.md.

    \b
    Examples:
      memr check
      memr check --store other.h5 | jq -r '.violations[].rule'
    """
    from store.check import checked

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:

        def watch(slabs: "Slabs", path: str, count: int) -> "Slabs":
            return console.progress(slabs, path, total=count, unit="slab")

        found = checked(store, watch)
        violations = [asdict(violation) for violation in found.violations]
        console.emit(
            {
                "schema": "memr.check/1",
                "store": str(store),
                "fingerprint": found.fingerprint,
                "violations": violations,
            },
            violations,
        )
        if not violations:
            console.notice(f"{store} follows its format.")
            return
    places = "1 place" if len(violations) == 1 else f"{len(violations)} places"
    report_error(
        f"{store} breaks its format in {places}. Make it anew with "
        f"`memr ingest RAW --store {shlex.quote(str(store))} --overwrite`."
    )
    raise typer.Exit(StoreRefusedError.exit_code)
