"""The command `memr ingest`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.options import CommonOptions, Wait, with_option_groups
from memr_cli.commands.tables import corpus_rows
from memr_cli.corpora.limits import MAX_FILE_SIZE, in_bytes
from memr_cli.files.visible import show
from memr_cli.vocabulary import OnProblem, Pooling

if TYPE_CHECKING:
    from memr_cli.results.corpus import Ingestion


@with_option_groups
def ingest(
    common: CommonOptions,
    raw: Annotated[
        Path, typer.Argument(metavar="RAW", help="Folder with dataset.csv beside the features.")
    ],
    layout: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Layout of RAW. Default: recognised by its content."),
    ] = None,
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
    wait: Wait = None,
    max_file_size: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="The most that dataset.csv, classes.txt, a feature file or a member of "
            "features.zip may hold, in bytes or as 500M, 2G.",
        ),
    ] = MAX_FILE_SIZE,
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
    from memr_cli import api

    names = None if classes is None else tuple(name.strip() for name in classes.split(","))
    with common.console() as console:
        result = api.ingest(
            raw,
            common.store,
            layout=layout,
            pooling=pooling,
            sequences=sequences,
            classes=names,
            on_problem=on_problem,
            overwrite=overwrite,
            max_file_size=in_bytes(max_file_size),
            wait=wait,
            notice=console.notice,
            progress=console.progress,
        )
        console.emit(result, corpus_rows(result))
        for sentence in _sentences(result, verbose=console.verbose):
            console.notice(sentence)


def _sentences(result: "Ingestion", *, verbose: bool) -> Iterator[str]:
    problems = result.problems
    for problem in problems if verbose else problems[:5]:
        what = f"{problem.modality} of {show(problem.utterance)}"
        yield f"{what}: {show(problem.path)} {problem.reason}."
    if problems:
        more = "" if verbose or len(problems) <= 5 else " The first 5 are above, -v shows all."
        files = "1 feature file" if len(problems) == 1 else f"{len(problems)} feature files"
        yield (f"{files} could not be used; their utterances are kept without that modality.{more}")
    for note in result.notes:
        yield f"{note}."
    if result.reused:
        yield f"{result.store} holds exactly this already; nothing was written."
    else:
        yield f"{result.utterances} utterances are in {result.store}, after {result.seconds:.1f} s."
