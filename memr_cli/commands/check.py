"""The command `memr check`."""

import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from memr_cli.commands.console import report_error
from memr_cli.commands.options import CommonOptions, with_option_groups
from memr_cli.errors import StoreRefusedError

if TYPE_CHECKING:
    from store.check import Slabs


@with_option_groups
def check(common: CommonOptions) -> None:
    """Check a store against every rule of its format and list all violations.

    Exits with 4 where there are any. The rules are in store/FORMAT.md.

    \b
    Examples:
      memr check
      memr check --store other.h5 | jq -r '.violations[].rule'
    """
    from memr_cli.results.corpus import Check, Violation
    from store.check import checked

    store = common.store
    with common.console() as console:

        def watch(slabs: "Slabs", path: str, count: int) -> "Slabs":
            return console.progress(slabs, path, total=count, unit="slab")

        found = checked(store, watch)
        violations = [asdict(violation) for violation in found.violations]
        result = Check(
            store=str(store),
            fingerprint=found.fingerprint,
            violations=tuple(Violation(**violation) for violation in violations),
        )
        console.emit(result, violations)
        if not violations:
            console.notice(f"{store} follows its format.")
            return
    places = "1 place" if len(violations) == 1 else f"{len(violations)} places"
    report_error(
        f"{store} breaks its format in {places}. Make it anew with "
        f"`memr ingest RAW --store {shlex.quote(str(store))} --overwrite`."
    )
    raise typer.Exit(StoreRefusedError.exit_code)
