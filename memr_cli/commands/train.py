"""The command `memr train`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, TrainingOptions, with_option_groups
from memr_cli.commands.tables import training_row


@with_option_groups
def train(
    training: TrainingOptions,
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Unimodal method to train; repeat it. Default: all that the store holds."
        ),
    ] = None,
) -> None:
    """Train one classifier per modality, for every fold of the protocol.

    \b
    Examples:
      memr train
      memr train --method acoustic --protocol session
      memr train --epochs 100 --patience 10 | jq '.folds[].best_epoch'
    """
    from memr_cli import api

    with common.console() as console:
        api.train(
            common.store,
            method or ["all"],
            each=lambda result: console.emit(result, map(training_row, [result])),
            **training.keywords(common, console),
        )
        console.notice(f"checkpoints are in {common.folder / 'checkpoints' / training.protocol}.")
