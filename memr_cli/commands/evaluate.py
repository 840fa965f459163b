"""The command `memr evaluate`."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.commands.tables import score_row
from memr_cli.vocabulary import Calibration, ClassWeights, Preset, ProtocolName, Subset
from memr_cli.vocabulary import Device as DeviceName

if TYPE_CHECKING:
    from memr_cli.experiment.experiment import Place
    from memr_cli.experiment.settings import ExperimentSettings


def evaluate(
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Method to score; repeat it. `all` (the default) is visual, acoustic, lexical, "
            "early and late; `every` is every method there is."
        ),
    ] = None,
    protocol: options.Protocol = ProtocolName.SPEAKER,
    folds: options.Folds = None,
    preset: options.TrainingPreset = Preset.DEFAULT,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
    ensemble: options.Ensemble = False,
    epochs: options.Epochs = None,
    patience: options.Patience = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    weight_decay: options.WeightDecay = None,
    hidden: options.Hidden = None,
    modality_dropout: options.ModalityDropout = None,
    class_weights: options.ClassWeights = ClassWeights.NONE,
    label_smoothing: options.LabelSmoothing = None,
    subset: options.SubsetName = Subset.ALL,
    normalize: options.Normalize = None,
    calibrate: options.Calibrate = Calibration.NONE,
    device: options.Device = DeviceName.AUTO,
    wait: options.Wait = None,
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
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
    settings = options.experiment_settings(
        protocol,
        folds,
        preset,
        seed,
        seeds,
        epochs=epochs,
        patience=patience,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        hidden=hidden,
        modality_dropout=modality_dropout,
        class_weights=class_weights,
        label_smoothing=label_smoothing,
        subset=subset,
        normalize=normalize,
        calibrate=calibrate,
        ensemble=ensemble,
    )
    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        place = options.place(store, out, console, device, wait)
        _evaluate(method or ["all"], settings, place, console)
        console.notice(f"metrics and predictions are in {place.out}; `memr report` sets them out.")


def _evaluate(
    methods: list[str], settings: "ExperimentSettings", place: "Place", console: Console
) -> None:
    """Score each method, and say of it what a reader should know."""
    from memr_cli.experiment.experiment import Experiment
    from memr_cli.experiment.runs import chosen, evaluate_methods

    with Experiment(place, settings) as experiment:
        choice = chosen(experiment, methods)
        told: set[str] = set()
        in_sessions = experiment.store.has_sessions
        started = time.monotonic()
        for result in evaluate_methods(experiment, choice):
            seconds = round(time.monotonic() - started, 3)
            console.emit({**result, "seconds": seconds}, [score_row(result)])
            _tell(console, result, told, in_sessions=in_sessions)
            started = time.monotonic()


def _tell(console: Console, result: dict[str, Any], told: set[str], *, in_sessions: bool) -> None:
    """Say what a reader of the score should know; what holds for several methods, once."""
    method = result["method"]
    sentences = {note: f"{method}: {note}." for note in result["notes"]}
    sentences |= {text: text for text in (*_ties(result), *_leaks(result, in_sessions))}
    for note, sentence in sentences.items():
        if note not in told:
            console.notice(sentence)
            told.add(note)


def _ties(result: dict[str, Any]) -> list[str]:
    ties = result.get("ties")
    if not ties or not ties["count"]:
        return []
    n_voters = len(result["settings"]["modalities"])
    why = "; with two voters that settles every disagreement" if n_voters == 2 else ""
    sentence = (
        f"{result['method']}: {ties['count']} votes ({ties['share']:.1%}) were tied and went to "
        f"the class listed first{why}."
    )
    return [sentence]


def _leaks(result: dict[str, Any], in_sessions: bool) -> list[str]:
    leakage, sentences = result["leakage"], []
    if leakage["speakers"]:
        sentences.append(f"{leakage['speakers']} speakers are both trained on and tested.")
    shared = (leakage["dialogues"] or {}).get("share")
    if shared:
        remedy = "; --protocol session keeps dialogues whole" if in_sessions else ""
        read = (
            f", and the training of {result['method']} read them as unlabelled context"
            if leakage["dialogues"]["as_context"]
            else ""
        )
        sentences.append(
            f"{shared:.0%} of test utterances come from a dialogue that is in training too"
            f"{read}{remedy}."
        )
    for modality, overlap in leakage["identical"].items():
        if overlap["share"]:
            sentences.append(
                f"{overlap['share']:.1%} of {modality} test vectors occur in training bit for bit."
            )
    return sentences
