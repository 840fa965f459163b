"""The command `memr train`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, TrainingOptions, with_option_groups
from memr_cli.commands.training import run_training


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
    run_training("train", method, training, common)
