"""The only place that prints: results on stdout, everything else on stderr.

Into a pipe or file stdout carries JSON, one object a line, each as soon as it is known. On a
terminal it carries the same as a table, once all are known.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from memr_cli.files.strict_json import encode
from memr_cli.files.visible import printable

if TYPE_CHECKING:
    from memr_cli.results.schema import Result

T = TypeVar("T")
Row = Mapping[str, str]

_WIDE = 1000
"""Characters of the longest line of a table in a file."""


class Console:
    """Where one command's output goes. A context manager: leaving it prints what is pending."""

    def __init__(
        self,
        *,
        json: bool = False,
        table: bool = False,
        quiet: bool = False,
        verbose: bool = False,
    ) -> None:
        self.quiet, self.verbose = quiet, verbose
        terminal = sys.stdout is not None and sys.stdout.isatty()
        self._as_json = json or not (table or terminal)
        self._rows: list[Row] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._rows:
            _print_table(self._rows)

    def emit(self, result: "Mapping[str, Any] | Result", rows: Iterable[Row]) -> None:
        """Print one result: the object as JSON, or `rows` of a table (all with equal columns)."""
        if self._as_json:
            from memr_cli.results.schema import Result, to_json

            value = to_json(result) if isinstance(result, Result) else result
            with _output_named():
                print(encode(value), flush=True)
        else:
            self._rows += rows

    def document(self, value: Mapping[str, Any]) -> None:
        """Print a JSON document: on one line, or indented on a terminal."""
        with _output_named():
            print(encode(value, indent=None if self._as_json else 2), flush=True)

    def notice(self, text: str) -> None:
        """Tell people something that they should know, unless they asked for quiet."""
        if not self.quiet:
            _tell(f"memr: {text}")

    def detail(self, text: str) -> None:
        """Tell people something that only --verbose asks for."""
        if self.verbose:
            self.notice(text)

    def progress(
        self,
        items: Iterable[T],
        description: str,
        *,
        total: int | None = None,
        unit: str = "it",
        told: Callable[[T], str] | None = None,
    ) -> Iterator[T]:
        """Pass items through and draw a bar on stderr, where that is a terminal.

        What is `told` of the last item stands behind the bar.
        """
        from tqdm import tqdm

        hidden = True if self.quiet else None  # None: hidden unless stderr is a terminal
        bar = tqdm(
            items,
            desc=printable(description),
            total=total,
            unit=unit,
            disable=hidden,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=True,
        )
        for item in bar:
            if told is not None:
                bar.set_postfix_str(told(item), refresh=False)
            yield item


def report_error(text: str) -> None:
    """Tell people why a command ends early."""
    _tell(f"memr: error: {text}")


def _tell(text: str) -> None:
    # Where even that cannot be told, the exit code still can.
    with contextlib.suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


@contextlib.contextmanager
def _output_named() -> Iterator[None]:
    """Say of a refusal while results are printed what it is that cannot be written."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def report_fault() -> None:
    """Show the exception being handled, which is a fault of ours, and how to report it."""
    import platform
    import traceback

    from memr_cli import __version__

    _tell(traceback.format_exc())
    report_error(
        "this is a fault of memr, not of yours. Nothing that was finished is lost. Please report "
        "it with the command line, the lines above, and this: "
        f"memr {__version__}, Python {platform.python_version()}, {platform.platform()}."
    )


def _print_table(rows: list[Row]) -> None:
    from rich.console import Console as Terminal
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        signless = (row[column].lstrip("+-") for row in rows)
        numeric = all(text[:1].isdigit() or not text for text in signless)
        table.add_column(printable(column), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(printable, row.values()))
    with _output_named():
        # In a file, where no line ends at the edge of a screen, every row is one line.
        width = None if sys.stdout.isatty() else _WIDE
        Terminal(highlight=False, markup=False, width=width).print(table)
