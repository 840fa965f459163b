"""The command `memr schema`."""

from typing import Annotated

import typer

from memr_cli.commands.options import CommonOptions, with_option_groups
from memr_cli.errors import UsageError


@with_option_groups
def schema(
    common: CommonOptions,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A command, such as evaluate or compare.")
    ],
) -> None:
    """Print the JSON Schema of a command's result.

    \b
    Examples:
      memr schema evaluate
      memr schema compare > compare.schema.json
    """
    from memr_cli.results.documentation import KINDS, json_schema

    kind = KINDS.get(name)
    if kind is None:
        raise UsageError(f"there is no result named {name}; name one of {', '.join(KINDS)}.")
    with common.console() as console:
        console.document(json_schema(kind))
