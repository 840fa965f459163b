"""The command `memr evaluate`."""

import time
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
    import msgspec

    from memr_cli.experiment.experiment import Experiment
    from memr_cli.experiment.runs import chosen, evaluate_methods

    settings = training.settings(calibrate, ensemble=ensemble)
    with common.console() as console:
        place = training.place(common, console)
        said: set[str] = set()
        with Experiment(place, settings) as experiment:
            has_sessions = experiment.store.has_sessions
            started = time.monotonic()
            for result in evaluate_methods(experiment, chosen(experiment, method or ["all"])):
                seconds = round(time.monotonic() - started, 3)
                timed = msgspec.structs.replace(result, seconds=seconds)
                console.emit(timed, map(score_row, [timed]))
                for sentence in _sentences(result, said, has_sessions=has_sessions):
                    console.notice(sentence)
                started = time.monotonic()
        console.notice(f"metrics and predictions are in {place.out}; `memr report` sets them out.")


def _sentences(result: "Evaluation", said: set[str], *, has_sessions: bool) -> Iterator[str]:
    """Yield what a reader of the score should know; what holds for several methods, once."""
    sentences = {note: f"{result.method}: {note}." for note in result.notes}
    sentences |= {text: text for text in (*_ties(result), *_leakage(result, has_sessions))}
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


def _leakage(result: "Evaluation", has_sessions: bool) -> Iterator[str]:
    found = result.leakage
    if found.speakers:
        yield f"{found.speakers} speakers are both trained on and tested."
    if found.dialogues is not None and found.dialogues.share:
        remedy = "; --protocol session keeps dialogues whole" if has_sessions else ""
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
