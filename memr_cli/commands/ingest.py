"""The command `memr ingest`."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.commands.tables import corpus_rows
from memr_cli.corpora.limits import MAX_FILE_SIZE, in_bytes
from memr_cli.corpora.quoting import show
from memr_cli.vocabulary import OnProblem, Pooling


def ingest(
    raw: Annotated[
        Path, typer.Argument(metavar="RAW", help="Folder with dataset.csv beside the features.")
    ],
    pooling: Annotated[
        Pooling, typer.Option(help="How frames become one vector, over time.")
    ] = Pooling.MEAN,
    sequences: Annotated[
        bool, typer.Option("--sequences", help="Keep all frames too, beside the pooled vectors.")
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Class names of the labels 0, 1, …"),
    ] = None,
    on_problem: Annotated[
        OnProblem,
        typer.Option(
            help="A feature file that cannot be used: `keep` the utterance without that modality, "
            "or `fail`."
        ),
    ] = OnProblem.KEEP,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a store that holds other content.")
    ] = False,
    wait: options.Wait = None,
    max_file_size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="The most that dataset.csv, classes.txt, a feature file or a member of "
            "features.zip may hold, in bytes or as 500M, 2G.",
        ),
    ] = MAX_FILE_SIZE,
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,  # noqa: ARG001 - every command takes it
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Pool a corpus's feature sequences into one HDF5 store.

    RAW holds dataset.csv beside features/ or features.zip, which is read in place.

    \b
    Examples:
      memr ingest raw/
      memr ingest raw/ --pooling max --store max.h5
      memr ingest raw/ --classes anger,sadness,happiness,neutral --on-problem fail
      memr ingest raw/ | jq '.problems[] | .path'
    """
    from memr_cli.ingestion import IngestSettings
    from memr_cli.ingestion import ingest as ingest_corpus

    names = None if classes is None else tuple(name.strip() for name in classes.split(","))
    settings = IngestSettings(
        pooling, sequences, names, on_problem, overwrite, in_bytes(max_file_size)
    )
    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        started = time.monotonic()
        result = ingest_corpus(
            raw, store, settings, console.progress, wait=wait, notice=console.notice
        )
        seconds = round(time.monotonic() - started, 3)
        console.emit(
            {"schema": "memr.ingest/1", "store": str(store), **result, "seconds": seconds},
            corpus_rows(result),
        )
        _tell(console, result, store, seconds)


def _tell(console: Console, result: dict[str, Any], store: Path, seconds: float) -> None:
    problems = result["problems"]
    for problem in problems if console.verbose else problems[:5]:
        what = f"{problem['modality']} of {show(problem['utterance'])}"
        console.notice(f"{what}: {show(problem['path'])} {problem['reason']}.")
    if problems:
        more = (
            "" if console.verbose or len(problems) <= 5 else " The first 5 are above, -v shows all."
        )
        console.notice(
            f"{len(problems)} feature files could not be used; their utterances are kept without "
            f"that modality.{more}"
        )
    for note in result["notes"]:
        console.notice(f"{note}.")
    if result["reused"]:
        console.notice(f"{store} holds exactly this already; nothing was written.")
    else:
        console.notice(f"{result['utterances']} utterances are in {store}, after {seconds:.1f} s.")
