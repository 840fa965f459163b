"""The command `memr info`."""

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.commands.tables import corpus_rows


def info(
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,  # noqa: ARG001 - every command takes it
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Show what a store holds, and which methods it supports.

    \b
    Examples:
      memr info
      memr info --store other.h5 | jq .modalities.acoustic.dim
    """
    from memr_cli.data.holdings import Holdings
    from memr_cli.ingestion import describe
    from memr_cli.methods.registry import registered, shadowed, unusable, why_unsupported
    from store.reader import Store

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        with Store.open(store) as opened:
            content = describe(opened)
            held = Holdings(opened)
            methods = {name: why_unsupported(method, held) for name, method in registered().items()}
        passed_over = unusable()
        for reason in (*passed_over.values(), *shadowed()):
            console.notice(reason)
        result = {
            "schema": "memr.info/1",
            "store": str(store),
            **content,
            "methods": [name for name, reason in methods.items() if reason is None],
            "unsupported": {
                name: reason for name, reason in (passed_over | methods).items() if reason
            },
        }
        console.emit(result, corpus_rows(result))
