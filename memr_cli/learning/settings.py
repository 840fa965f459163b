"""The settings of training a network, without torch: they are part of the keys of results."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from memr_cli.errors import UsageError
from memr_cli.vocabulary import ClassWeights


@dataclass(frozen=True)
class TrainingSettings:
    """How one network is trained. Raises UsageError for a value that cannot work.

    hidden: units of the first hidden layer, of which the second has half as many, or of each
    encoder in networks that have encoders. batch_size: utterances, or dialogues, per step.
    averaging: validate and keep a running mean of the weights, in which the past has this share at
    each step (Polyak and Juditsky 1992); 0 keeps the weights of the last step.
    epochs: maximum of passes over the training rows. patience: stop after this many epochs in a row
    without a better F1-micro on the validation rows. None: no validation, keep the last epoch.
    refit: train again on all training rows, validation included, for the chosen number of epochs.
    presence_indicator: also score utterances that lack a modality, with an input that says which.
    modality_dropout: the probability with which each modality of an utterance is hidden in
    training; one always stays.
    class_weights: the weight of rows by class. label_smoothing: the share of a row's target that is
    spread over all classes. clip: maximum length of a gradient; None for no limit. warm_up: steps
    in which the learning rate rises to its value.
    """

    hidden: int
    optimizer: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float
    batch_size: int
    dropout: float
    averaging: float
    epochs: int
    patience: int | None
    refit: bool
    presence_indicator: bool
    modality_dropout: float = 0.0
    class_weights: ClassWeights = ClassWeights.NONE
    label_smoothing: float = 0.0
    clip: float | None = None
    warm_up: int = 0

    def __post_init__(self) -> None:
        for name, least in (("hidden", 2), ("batch_size", 1), ("epochs", 1), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{_option(name)} is {value}; give a number from {least} up.")
        if not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"--learning-rate is {self.learning_rate}; give a number above 0.")
        if not 0 <= self.weight_decay < float("inf"):
            raise UsageError(f"--weight-decay is {self.weight_decay}; give a number from 0 up.")
        if not 0 <= self.modality_dropout < 1:
            raise UsageError(
                f"--modality-dropout is {self.modality_dropout}; give a probability from 0 to "
                "below 1."
            )
        if not 0 <= self.label_smoothing < 1:
            raise UsageError(
                f"--label-smoothing is {self.label_smoothing}; give a share from 0 to below 1."
            )

    def changed(self, overrides: Mapping[str, Any]) -> Self:
        """Return them with some values replaced. Raises UsageError for a pointless one."""
        if self.patience is None and "patience" in overrides:
            raise UsageError(
                "--patience has no effect with --preset original, which keeps the last epoch; "
                "leave it out, or use --preset default."
            )
        return replace(self, **overrides)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
