"""The command `memr compare`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.options import CommonOptions, with_option_groups
from memr_cli.errors import UsageError
from memr_cli.vocabulary import Across, ProtocolName

if TYPE_CHECKING:
    from memr_cli.results.comparison import Comparison


@with_option_groups
def compare(
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="METHOD...",
            help="Two or more evaluated methods, by name, or by the path of a metrics file (ends "
            "with .json) of any output folder. With --against: one or more, all by default.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="Compare the others with this method only, not every pair.",
        ),
    ] = None,
    protocol: Annotated[
        ProtocolName | None,
        typer.Option(
            help="The protocol of the results. Default: that of the first path, else the only "
            "evaluated one, else `speaker`.",
        ),
    ] = None,
    across: Annotated[
        list[Across] | None,
        typer.Option(
            metavar="FIELD",
            help="Compare results although they differ in FIELD: `normalize` or `ensemble`; repeat "
            "it for both.",
        ),
    ] = None,
) -> None:
    """Test whether methods differ, paired over the utterances that all of them scored.

    Reads the results of `memr evaluate` and trains nothing. Each pair gets its difference (second
    minus first) with a bootstrap interval, a permutation test over dialogues, corrected for the
    number of pairs, and the corrected resampled t-test over folds.

    \b
    Examples:
      memr compare lexical early
      memr compare acoustic lexical early late --protocol session
      memr compare --against lexical
      memr compare lexical early | jq -r .pairs[].sentence
      memr compare acoustic by_speaker/metrics/speaker/acoustic.json --across normalize
    """
    if not method and against is None:
        raise UsageError(
            "compare needs at least two methods, such as in `memr compare lexical early`, or one "
            "to compare all with: `memr compare --against lexical`."
        )
    from memr_cli import api

    with common.console() as console:
        result = api.compare(
            method or [],
            common.store,
            out=common.out,
            protocol=protocol,
            across=across or (),
            against=against,
            progress=console.progress,
        )
        console.emit(result, _rows(result))
        for pair in result.pairs:
            console.notice(f"{pair.sentence}.")
        for note in result.notes:
            console.notice(f"{note}.")
        console.notice(f"the comparison is {result.files.comparison}.")


def _rows(result: "Comparison") -> Iterator[dict[str, str]]:
    """Yield the table: a row for each pair and metric."""
    from memr_cli.comparison.sentences import points, span
    from memr_cli.evaluation.metrics import LABELS
    from memr_cli.evaluation.significance import format_p

    for pair in result.pairs:
        for key, found in pair.metrics.items():
            yield {
                "first": pair.first,
                "second": pair.second,
                "metric": LABELS[key],
                "difference": points(found.difference),
                "95 % interval": "-" if found.ci95 is None else span(found.ci95),
                "p (Holm)": format_p(found.p_holm),
                "p (t)": "-" if found.t.p is None else format_p(found.t.p),
            }
