"""The command `memr synth`."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.corpora.synthetic_settings import Planted, SyntheticSettings

DEFAULTS = SyntheticSettings()


def synth(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder.")],
    utterances: Annotated[
        int, typer.Option(metavar="N", help="Turns in all, labelled or not.")
    ] = DEFAULTS.utterances,
    unlabelled: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of turns without a label.")
    ] = DEFAULTS.unlabelled,
    missing: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of feature files left out.")
    ] = DEFAULTS.missing,
    frames: Annotated[
        int, typer.Option(metavar="N", help="Mean length of a visual sequence.")
    ] = DEFAULTS.frames,
    visual_dim: Annotated[
        int, typer.Option(metavar="D", help="Numbers in a frame of the visual modality.")
    ] = DEFAULTS.visual_dim,
    acoustic_dim: Annotated[
        int, typer.Option(metavar="D", help="Numbers in a frame of the acoustic modality.")
    ] = DEFAULTS.acoustic_dim,
    lexical_dim: Annotated[
        int, typer.Option(metavar="D", help="Numbers in a frame of the lexical modality.")
    ] = DEFAULTS.lexical_dim,
    archive: Annotated[
        bool, typer.Option("--archive", help="Write features.zip in place of features/.")
    ] = False,
    signal: Annotated[
        Planted,
        typer.Option(
            help="What tells the class of a turn: each of its frames alike, their order alone, the "
            "turns around it more than its own, or nothing."
        ),
    ] = DEFAULTS.signal,
    seed: options.Seed = DEFAULTS.seed,
    store: options.Store = options.DEFAULT_STORE,  # noqa: ARG001 - every command takes it
    out: options.Out = None,  # noqa: ARG001
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """Write a synthetic corpus in IEMOCAP's shape, to try things on.

    Its features are made up: scores on it say nothing about emotions, and every report says so.

    \b
    Examples:
      memr synth raw/
      memr synth raw/ --utterances 300 --visual-dim 64 --seed 7
      memr synth raw/ --signal order
    """
    settings = replace(
        DEFAULTS,
        utterances=utterances,
        unlabelled=unlabelled,
        missing=missing,
        frames=frames,
        visual_dim=visual_dim,
        acoustic_dim=acoustic_dim,
        lexical_dim=lexical_dim,
        archive=archive,
        signal=signal,
        seed=seed,
    )
    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        _write(folder, settings, console)
        console.notice(f"a synthetic corpus is in {folder}; next: memr ingest {folder}")


def _write(folder: Path, settings: SyntheticSettings, console: Console) -> None:
    from memr_cli.corpora.synthetic import write_corpus

    started = time.monotonic()
    result = write_corpus(folder, settings, console.progress)
    seconds = round(time.monotonic() - started, 3)
    identity = {"schema": "memr.synth/1", "store": None, "fingerprint": None}
    console.emit(
        {**identity, **result, "seconds": seconds},
        (
            {"": name, "what was written": str(value)}
            for name, value in result.items()
            if name != "settings"  # on a terminal, a person has just typed them
        ),
    )
