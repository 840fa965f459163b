"""Training, as `memr train` and `memr fuse` share it."""

import time
from typing import TYPE_CHECKING

import msgspec

from memr_cli.commands.options import CommonOptions, TrainingOptions
from memr_cli.errors import UsageError

if TYPE_CHECKING:
    from memr_cli.results.training import Training

OTHER = {"train": "fuse", "fuse": "train"}


def run_training(
    command: str, names: list[str] | None, training: TrainingOptions, common: CommonOptions
) -> None:
    """Train the methods named, or all of the command's kind that the store supports."""
    from memr_cli.experiment.experiment import Experiment, choose, collective_names
    from memr_cli.experiment.runs import train_methods
    from memr_cli.methods.registry import named

    settings = training.settings()
    is_fusion, asked = command == "fuse", names or ["all"]
    collective = collective_names(asked, is_fusion)
    for name in asked:
        if name not in collective and named(name).is_fusion != is_fusion:
            raise UsageError(
                f"memr {command} does not make {name}; use `memr {OTHER[command]} --method {name}`."
            )
    with common.console() as console:
        place = training.place(common, console)
        with Experiment(place, settings) as experiment:
            choice = choose(asked, collective, experiment.holdings)
            for name, reason in choice.skipped.items():
                console.notice(f"{name} is skipped: {reason}")
            started = time.monotonic()
            for result in train_methods(experiment, choice, command):
                seconds = round(time.monotonic() - started, 3)
                console.emit(msgspec.structs.replace(result, seconds=seconds), [_row(result)])
                started = time.monotonic()
            console.notice(f"checkpoints are in {place.out / 'checkpoints' / settings.protocol}.")


def _row(result: "Training") -> dict[str, str]:
    runs = result.folds
    epochs = [run.best_epoch for run in runs if run.best_epoch is not None]
    scores = [run.validation_f1_micro for run in runs if run.validation_f1_micro is not None]
    return {
        "method": result.method,
        "folds": str(len({run.fold for run in runs})),
        "seeds": str(len({run.seed for run in runs})),
        "epochs": f"{sum(epochs) / len(epochs):.1f}" if epochs else "-",
        "validation F1-micro %": f"{100 * sum(scores) / len(scores):.1f}" if scores else "-",
        "reused": "yes" if result.reused else "no",
    }
