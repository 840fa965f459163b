"""The command `memr report`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, Wait, with_option_groups


@with_option_groups
def report(
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Method to show; repeat it. Default: all."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC",
            help="Metric that tables show, such as `uar`; repeat it. Default: the usual ones.",
        ),
    ] = None,
    digits: Annotated[
        int | None,
        typer.Option(metavar="N", help="Digits of percentages in the tables of results, 0 to 4."),
    ] = None,
    wait: Wait = None,
) -> None:
    """Report what was evaluated: tables, figures and a page, from metrics and predictions alone.

    \b
    Examples:
      memr report
      memr report --method early --method late --metric uar --digits 1
      memr report --out results/ | jq -r '.files.html'
    """
    from memr_cli import api
    from memr_cli.reporting.rows import shown

    with common.console() as console:
        result = api.report(
            common.store,
            methods=method or (),
            metrics=metric or (),
            digits=digits,
            out=common.out,
            wait=wait,
            notice=console.notice,
            progress=console.progress,
        )
        console.emit(result, shown(result.rows))
        console.notice(f"the report is {result.files.html}.")
