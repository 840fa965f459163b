"""The command `memr check`."""

from dataclasses import asdict
from pathlib import Path

import typer

from memr_cli.commands import options
from memr_cli.console import Console, report_error
from memr_cli.errors import StoreRefusedError


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
    from store.check import check as violations_of

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        violations = [asdict(violation) for violation in violations_of(store)]
        console.emit(
            {
                "schema": "memr.check/1",
                "store": str(store),
                "fingerprint": _stated_fingerprint(store),
                "violations": violations,
            },
            violations,
        )
        if not violations:
            console.notice(f"{store} follows its format.")
            return
    report_error(
        f"{store} breaks its format in {len(violations)} places. Make it anew with "
        f"`memr ingest RAW --store {store} --overwrite`."
    )
    raise typer.Exit(StoreRefusedError.exit_code)


def _stated_fingerprint(path: Path) -> str | None:
    """What the store says of its content, or None where it is too damaged to say."""
    from store.errors import StoreDamagedError
    from store.reader import Store

    try:
        with Store.open(path) as opened:
            return opened.fingerprint
    except StoreDamagedError:
        return None
