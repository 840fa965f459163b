"""The command `memr report`."""

from memr_cli.commands.options import CommonOptions, Wait, with_option_groups


@with_option_groups
def report(common: CommonOptions, wait: Wait = None) -> None:
    """Set out what was evaluated: tables, figures and a page, from metrics and predictions alone.

    \b
    Examples:
      memr report
      memr report --out results/ | jq -r '.files.html'
    """
    from memr_cli import api
    from memr_cli.reporting.rows import shown

    with common.console() as console:
        result = api.report(
            common.store,
            out=common.out,
            wait=wait,
            notice=console.notice,
            progress=console.progress,
        )
        console.emit(result, shown(result.rows))
        console.notice(f"the report is {result.files.html}.")
