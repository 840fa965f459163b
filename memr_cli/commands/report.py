"""The command `memr report`."""

from memr_cli.commands import options
from memr_cli.commands.console import Console


def report(
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,
    wait: options.Wait = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Set out what was evaluated: tables, figures and a page, from metrics and predictions alone.

    \b
    Examples:
      memr report
      memr report --out results/ | jq -r '.files.html'
    """
    from memr_cli.files.waiting import holding
    from memr_cli.reporting.report import build
    from memr_cli.reporting.rows import shown
    from memr_cli.results.folder import ResultFolder

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        folder = ResultFolder(options.out_folder(store, out))
        name = store.name if store.exists() else None
        with holding([folder.report_lock], wait, console.notice):
            result = build(
                folder, store_name=name, notice=console.notice, progress=console.progress
            )
        stores = {(row["store"], row["fingerprint"]) for row in result["rows"]}
        name, fingerprint = stores.pop() if len(stores) == 1 else (None, None)
        console.emit(
            {"schema": "memr.report/1", "store": name, "fingerprint": fingerprint, **result},
            shown(result["rows"]),
        )
        console.notice(f"the report is {result['files']['html']}.")
