"""The command `memr synth`."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.console import Console
from memr_cli.commands.options import CommonOptions, Seed, with_option_groups
from memr_cli.corpora.synthetic.settings import Planted, SyntheticSettings

if TYPE_CHECKING:
    from memr_cli.results.corpus import Synthesis

DEFAULTS = SyntheticSettings()


@with_option_groups
def synth(
    common: CommonOptions,
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
    seed: Seed = DEFAULTS.seed,
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
    from memr_cli.results.schema import to_json

    with common.console() as console:
        result = _write(folder, settings, console)
        facts = to_json(result)
        shown = [
            name for name in facts if name not in ("schema", "store", "fingerprint", "settings")
        ]
        console.emit(result, ({"": name, "what was written": str(facts[name])} for name in shown))
        console.notice(f"a synthetic corpus is in {folder}; next: memr ingest {folder}")


def _write(folder: Path, settings: SyntheticSettings, console: Console) -> "Synthesis":
    from memr_cli.corpora.synthetic.writer import write_corpus
    from memr_cli.results import corpus

    started = time.monotonic()
    written = write_corpus(folder, settings, console.progress)
    return corpus.Synthesis(
        store=None,
        fingerprint=None,
        synthetic=True,
        utterances=written.utterances,
        labelled=written.labelled,
        speakers=written.speakers,
        sessions=written.sessions,
        dialogues=written.dialogues,
        files=written.files,
        bytes=written.bytes,
        settings=corpus.SyntheticSettings(**asdict(settings)),
        seconds=round(time.monotonic() - started, 3),
    )
