"""The `memr` command: commands registered, errors turned into exit codes, nothing heavy loaded."""

import signal
import sys
from typing import Annotated, Any

import typer

from memr_cli import __version__, interrupts
from memr_cli.commands import (
    ablate,
    audit,
    check,
    compare,
    console,
    evaluate,
    fuse,
    info,
    ingest,
    layouts,
    report,
    schema,
    synth,
    train,
)
from memr_cli.commands.plain_values import PlainCommand, PlainGroup
from memr_cli.errors import MemrError, SystemRefusedError
from memr_cli.files import memory

STORE_REFUSED = 4


class Commands(PlainGroup):
    """The commands, in the order they are used in; their errors become exit codes."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. On any error exit with its code and one message on stderr."""
        interrupts.raise_on_interrupt()
        try:
            return super().invoke(ctx)
        except MemrError as error:
            console.report_error(str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            interrupts.forget_interrupt()
            console.report_error("interrupted; what was finished is kept, run it again to go on.")
            raise typer.Exit(interrupts.EXIT_CODE) from error
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            raise typer.Exit(_exit_code(error)) from error


def _exit_code(error: Exception) -> int:
    """Report an error: what the system refused, the store's own, wrong usage, or a fault."""
    if memory.ran_out(error):
        name = getattr(error, "filename", None)
        console.report_error(
            f"the system has not enough memory for {name or 'this'}. Close other programs, or use "
            "a machine with more."
        )
        return SystemRefusedError.exit_code
    if isinstance(error, OSError):
        console.report_error(_refusal(error))
        return SystemRefusedError.exit_code
    from store.errors import StoreError

    if isinstance(error, StoreError):
        console.report_error(str(error))
        return STORE_REFUSED
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        raise error  # the command-line library shows wrong usage itself
    console.report_fault()
    return 1


def _refusal(error: OSError) -> str:
    what = f"{error.filename}: " if error.filename else ""
    return (
        f"{what}{error.strerror or error}. The system refused this; check free space, permissions "
        "and the path, then run the command again."
    )


app = typer.Typer(
    name="memr",
    cls=Commands,
    # Rich takes longer to load than the rest of --help together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"memr {__version__}")
        raise typer.Exit


@app.callback()
def memr(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Compare ways of fusing modalities for emotion recognition, on unseen speakers.

    \b
    A first run, start to end:
      memr synth raw/                  # or your own dataset.csv beside features/
      memr ingest raw/                 # pool features into memr.h5
      memr audit                       # what would make scores mislead
      memr evaluate                    # train, fuse and score the five methods
      memr compare lexical early       # whether they differ
      memr report                      # tables, figures and a page in report/

    Into a pipe or file, results are JSON, one object a line; on a terminal, tables.
    """


for module in (
    *(synth, layouts, ingest, info, check, audit),
    *(train, fuse, evaluate, compare, ablate, report, schema),
):
    name = module.__name__.rpartition(".")[2]
    app.command(name, cls=PlainCommand)(getattr(module, name))


def main() -> None:
    """Run `memr` as a program."""
    if hasattr(signal, "SIGPIPE"):
        # `memr evaluate | head -1` ends memr quietly, as it does other programs. Files are written
        # whole or not at all, so nothing is spoilt.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        code = app()
    except OSError as error:  # help that cannot be written
        console.report_error(_refusal(error))
        code = SystemRefusedError.exit_code
    sys.exit(code)
