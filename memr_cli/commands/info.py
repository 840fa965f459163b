"""The command `memr info`."""

from memr_cli.commands.options import CommonOptions, with_option_groups
from memr_cli.commands.tables import corpus_rows


@with_option_groups
def info(common: CommonOptions) -> None:
    """Show what a store holds, and which methods it supports.

    \b
    Examples:
      memr info
      memr info --store other.h5 | jq .modalities.acoustic.dim
    """
    from memr_cli import api

    with common.console() as console:
        result = api.info(common.store, notice=console.notice)
        console.emit(result, corpus_rows(result))
