"""The command `memr evaluate`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from memr_cli.commands.options import (
    Calibrate,
    CommonOptions,
    Ensemble,
    FusionTrainingOptions,
    with_option_groups,
)
from memr_cli.commands.tables import score_row
from memr_cli.vocabulary import Calibration

if TYPE_CHECKING:
    from memr_cli.results.evaluation import Evaluation


@with_option_groups
def evaluate(
    training: FusionTrainingOptions,
    common: CommonOptions,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Method to score; repeat it. `all` (the default) is visual, acoustic, lexical, "
            "early and late; `every` is every method there is."
        ),
    ] = None,
    ensemble: Ensemble = False,
    calibrate: Calibrate = Calibration.NONE,
) -> None:
    """Score methods on speakers that training never saw.

    Models that are missing or stale are trained first; what is fresh is reused. f1_micro equals
    accuracy, since every utterance has one label.

    \b
    Examples:
      memr evaluate
      memr evaluate --method late | jq .metrics.f1_micro.mean
      memr evaluate --method early --method lexical --protocol session --seeds 5
      memr evaluate --preset original --out original/
      memr evaluate --method late-mean --seeds 5 --ensemble
    """
    from memr_cli import api

    said: set[str] = set()
    with common.console() as console:

        def show(result: "Evaluation") -> None:
            console.emit(result, map(score_row, [result]))
            for sentence in _sentences(result, said):
                console.notice(sentence)

        api.evaluate(
            common.store,
            method or ["all"],
            ensemble=ensemble,
            calibrate=calibrate,
            each=show,
            **training.keywords(common, console),
        )
        console.notice(
            f"metrics and predictions are in {common.folder}; `memr report` sets them out."
        )


def _sentences(result: "Evaluation", said: set[str]) -> Iterator[str]:
    """Yield what a reader of the score should know; what holds for several methods, once."""
    sentences = {note: f"{result.method}: {note}." for note in result.notes}
    sentences |= {text: text for text in (*_ties(result), *_leakage(result))}
    for note, sentence in sentences.items():
        if note not in said:
            said.add(note)
            yield sentence


def _ties(result: "Evaluation") -> Iterator[str]:
    if not result.ties or not result.ties.count:
        return
    two = len(result.settings.modalities) == 2
    why = "; with two voters that settles every disagreement" if two else ""
    yield (
        f"{result.method}: {result.ties.count} votes ({result.ties.share:.1%}) were tied and went "
        f"to the class listed first{why}."
    )


def _leakage(result: "Evaluation") -> Iterator[str]:
    found = result.leakage
    if found.speakers:
        yield f"{found.speakers} speakers are both trained on and tested."
    if found.dialogues is not None and found.dialogues.share:
        remedy = "; --protocol session keeps dialogues whole" if result.by_session else ""
        read = (
            f", and the training of {result.method} read them as unlabelled context"
            if found.dialogues.as_context
            else ""
        )
        yield (
            f"{found.dialogues.share:.0%} of test utterances come from a dialogue that is in "
            f"training too{read}{remedy}."
        )
    for modality, overlap in found.identical.items():
        if overlap.share:
            yield f"{overlap.share:.1%} of {modality} test vectors occur in training bit for bit."
