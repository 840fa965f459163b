"""The command `memr fuse`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, FusionTrainingOptions, with_option_groups
from memr_cli.commands.tables import training_row


@with_option_groups
def fuse(
    training: FusionTrainingOptions,
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Fusion method to make; repeat it. Default: early and late."),
    ] = None,
) -> None:
    """Make fusion methods, and the unimodal classifiers they need, for every fold.

    \b
    Examples:
      memr fuse
      memr fuse --method early --hidden 512
      memr fuse --method late | jq '.folds[0].members'
    """
    from memr_cli import api

    with common.console() as console:
        api.fuse(
            common.store,
            method or ["all"],
            each=lambda result: console.emit(result, map(training_row, [result])),
            **training.keywords(common, console),
        )
        console.notice(f"checkpoints are in {common.folder / 'checkpoints' / training.protocol}.")
