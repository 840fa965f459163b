"""The command `memr fuse`."""

from typing import Annotated

import typer

from memr_cli.commands import options
from memr_cli.commands.console import Console
from memr_cli.commands.training import run_training
from memr_cli.vocabulary import ClassWeights, Preset, ProtocolName, Subset
from memr_cli.vocabulary import Device as DeviceName


def fuse(
    method: Annotated[
        list[str] | None,
        typer.Option(help="Fusion method to make; repeat it. Default: early and late."),
    ] = None,
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
    """Make fusion methods, and the unimodal classifiers they need, for every fold.

    \b
    Examples:
      memr fuse
      memr fuse --method early --hidden 512
      memr fuse --method late | jq '.folds[0].members'
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
        run_training("fuse", method, settings, place, console)
