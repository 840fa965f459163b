"""The command `memr ablate`."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.vocabulary import ClassWeights, Preset, ProtocolName, Subset
from memr_cli.vocabulary import Device as DeviceName

if TYPE_CHECKING:
    from memr_cli.experiment.experiment import Place
    from memr_cli.experiment.settings import ExperimentSettings


def ablate(
    method: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="METHOD",
            help="Methods to ablate, of several modalities each. Default: early.",
            show_default=False,
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain",
            help="Train with each subset of modalities alone too: absent throughout, not only at "
            "test time.",
        ),
    ] = False,
    protocol: options.Protocol = ProtocolName.SPEAKER,
    folds: options.Folds = None,
    preset: options.TrainingPreset = Preset.DEFAULT,
    seed: options.Seed = 0,
    seeds: options.Seeds = 1,
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
    device: options.Device = DeviceName.AUTO,
    wait: options.Wait = None,
    store: options.Store = options.DEFAULT_STORE,
    out: options.Out = None,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    as_json: options.Json = False,
) -> None:
    """What each modality is worth: scores without it, under noise and under random loss.

    Every subset of the modalities is scored, and each modality's Shapley value follows: what it
    adds to the score, averaged over all orders in which modalities may be added. Models that are
    missing or stale are trained first; what is fresh is reused.

    \b
    Examples:
      memr ablate
      memr ablate early late --protocol session --seeds 3
      memr ablate early --modality-dropout 0.3 --out dropout/
      memr ablate early --retrain | jq .shapley_retrained.accuracy
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
    )
    with Console(json=as_json, quiet=quiet, verbose=verbose) as console:
        place = options.place(store, out, console, device, wait)
        _run(method or ["early"], settings, place, console, retrain=retrain)


def _run(
    names: list[str],
    settings: "ExperimentSettings",
    place: "Place",
    console: Console,
    *,
    retrain: bool,
) -> None:
    from memr_cli.ablation.runs import ablate_methods
    from memr_cli.experiment.experiment import Experiment
    from memr_cli.experiment.runs import chosen

    told: set[str] = set()
    with Experiment(place, settings) as experiment:
        started = time.monotonic()
        for result in ablate_methods(experiment, chosen(experiment, names), retrain=retrain):
            seconds = round(time.monotonic() - started, 3)
            console.emit({**result, "seconds": seconds}, rows(result))
            for sentence in sentences(result):
                if sentence not in told:
                    console.notice(sentence)
                    told.add(sentence)
            started = time.monotonic()
    console.notice(f"ablations are in {place.out / 'ablations' / settings.protocol}.")


def rows(result: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Table rows: every subset of the modalities, the largest first, then what each is worth."""
    name = result["method"]
    for subset in reversed(result["subsets"]):
        modalities = "+".join(subset["modalities"]) or "nothing"
        yield _row(name, modalities, subset["metrics"], subset["retrained"])
    retrained = result["shapley_retrained"]
    for modality in result["modalities"]:
        yield _row(
            name,
            f"worth of {modality}",
            {metric: worth[modality] for metric, worth in result["shapley"].items()},
            retrained and {metric: worth[modality] for metric, worth in retrained.items()},
        )


def _row(
    method: str, what: str, metrics: dict[str, Any], retrained: dict[str, Any] | None
) -> dict[str, str]:
    accuracy = metrics["accuracy"]
    spread = f" ± {100 * accuracy['std']:.1f}" if accuracy.get("std") is not None else ""
    row = {
        "method": method,
        "at test time": what,
        "accuracy %": _percent(accuracy) + spread,
        "95 % interval": _interval(accuracy["ci95"]) or "-",
        "UAR %": _percent(metrics["uar"]),
    }
    if retrained:
        row["retrained %"] = _percent(retrained["accuracy"])
    return row


def _percent(entry: dict[str, Any]) -> str:
    """A subset's score, or what a modality is worth."""
    value = entry["value"] if "value" in entry else entry["mean"]
    return "-" if value is None else f"{100 * value:.1f}"


def _interval(ci95: list[float] | None) -> str:
    return "" if ci95 is None else " to ".join(f"{100 * bound:.1f}" for bound in ci95)


def sentences(result: dict[str, Any]) -> Iterator[str]:
    """What a person should take from it, then what they should know about it."""
    name, subsets = result["method"], result["subsets"]
    full, nothing = (subsets[place]["metrics"]["accuracy"]["mean"] for place in (-1, 0))
    worth = result["shapley"]["accuracy"]
    if full is not None:
        parts = ", ".join(_worth(modality, worth[modality]) for modality in result["modalities"])
        yield (
            f"{name}: of the {100 * (full - nothing):.1f} points of accuracy between all "
            f"modalities ({100 * full:.1f} %) and none ({100 * nothing:.1f} %), {parts}."
        )
        lost, noisy = _at(result["loss"], "share", 0.5), _at(result["noise"], "level", 1.0)
        yield (
            f"{name}: accuracy is {lost} with each modality of an utterance lost half of the time, "
            f"and {noisy} with noise of one standard deviation in all features."
        )
    for subset in subsets[:-1]:
        alone = subset["metrics"]["accuracy"]["mean"]
        if full is not None and alone > full and subset["modalities"]:
            yield (
                f"{name}: with {' and '.join(subset['modalities'])} alone it scores "
                f"{100 * alone:.1f} %, more than with all modalities."
            )
    for note in result["notes"]:
        yield f"{name}: {note}."


def _worth(modality: str, entry: dict[str, Any]) -> str:
    interval = _interval(entry["ci95"])
    told = f" (95 % interval {interval})" if interval else ""
    return f"{modality} is worth {100 * entry['value']:.1f}{told}"


def _at(curve: list[dict[str, Any]], axis: str, value: float) -> str:
    """The score of all modalities at once at one point of a curve."""
    (point,) = (entry for entry in curve if entry["modality"] is None and entry[axis] == value)
    return f"{100 * point['metrics']['accuracy']['mean']:.1f} %"
