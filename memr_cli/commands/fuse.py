"""The command `memr fuse`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, FusionTrainingOptions, with_option_groups
from memr_cli.commands.training import run_training


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
    run_training("fuse", method, training, common)
