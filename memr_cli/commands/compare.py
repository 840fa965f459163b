"""The command `memr compare`."""

import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.vocabulary import Across, ProtocolName


def compare(
    method: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD...",
            help="Two or more methods that were evaluated, by name, or by the path of a metrics "
            "file (ends with .json) of any output folder.",
        ),
    ],
    protocol: Annotated[
        ProtocolName | None,
        typer.Option(
            help="The protocol whose results are meant. Default: that of the first path, else "
            "`speaker`.",
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
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Say whether methods differ, paired over the utterances that all of them scored.

    Reads what `memr evaluate` wrote and trains nothing. Each pair gets its difference (second minus
    first) with a bootstrap interval, a permutation test over dialogues, corrected for the number
    of pairs, and the corrected resampled t-test over folds.

    \b
    Examples:
      memr compare lexical early
      memr compare acoustic lexical early late --protocol session
      memr compare lexical early | jq -r .pairs[].sentence
      memr compare acoustic by_speaker/metrics/speaker/acoustic.json --across normalize
    """
    from memr_cli.comparison.comparison import compare as compared
    from memr_cli.comparison.loading import Place

    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        started = time.monotonic()
        place = Place(store, options.out_folder(store, out), protocol)
        result = compared(method, place, across or (), console.progress)
        seconds = round(time.monotonic() - started, 3)
        console.emit({**result, "seconds": seconds}, _rows(result))
        for pair in result["pairs"]:
            console.notice(f"{pair['sentence']}.")
        for note in result["notes"]:
            console.notice(f"{note}.")
        console.notice(f"the comparison is {result['files']['comparison']}.")


def _rows(result: dict[str, Any]) -> Iterator[dict[str, str]]:
    from memr_cli.comparison.words import NAMES, number, points, span

    for pair in result["pairs"]:
        for name, found in pair["metrics"].items():
            t = found["t"]["p"]
            yield {
                "first": pair["first"],
                "second": pair["second"],
                "metric": NAMES[name],
                "second \N{MINUS SIGN} first": points(found["difference"]),
                "95 % interval": "-" if found["ci95"] is None else span(found["ci95"]),
                "p (Holm)": number(found["p_holm"]),
                "p (t)": "-" if t is None else number(t),
            }
