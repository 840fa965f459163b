"""The results of `memr train` and `memr fuse`: the models of one method."""

from typing import Annotated

from memr_cli.results.schema import UNSET, Count, Fraction, Meta, Part, Protocol, Result, UnsetType
from memr_cli.results.settings import Settings


class Run(Part):
    """The model of one fold and seed."""

    fold: Count
    """Number of the fold, from 0."""
    seed: Count
    """Seed of the model."""
    epochs: Count | None
    """Epochs that training ran for; null for combinations, which have no weights."""
    best_epoch: Count | None
    """Epoch whose weights were kept."""
    train_loss: float | None
    """Mean loss of the last epoch."""
    validation_f1_micro: Fraction | None
    """Null where nothing is validated."""
    members: tuple[str, ...] | UnsetType = UNSET
    """Methods that a combination joins."""
    checkpoint: str | None
    """Path of the trained weights; null for combinations."""


class Training(Result, tag="memr.train/1"):
    """The models of one method, for every fold and seed."""

    method: str
    """Name of the method."""
    preset: str
    """`default` or `original`."""
    protocol: Protocol
    """Who is tested."""
    settings: Settings
    """Every value that shaped the models."""
    transductive: bool
    """Whether features of test utterances, without their labels, shaped the model's input."""
    folds: tuple[Run, ...]
    """One entry for each seed and fold."""
    notes: tuple[str, ...]
    """Sentences without a full stop that a user should know."""
    reused: bool
    """Whether all models were there already."""
    seconds: float | UnsetType = UNSET
    """Time the command took for it, in seconds."""


class FusionTraining(Training, tag="memr.fuse/1"):
    """The models of one fusion method, for every fold and seed."""


class CheckpointFacts(Part):
    """How the training of one model went, from the metadata of its checkpoint."""

    epochs: Count
    """Epochs that training ran for."""
    best_epoch: Count
    """Epoch whose weights were kept."""
    train_loss: float
    """Mean loss of the last epoch."""
    validation_f1_micro: Fraction | None
    """Null where nothing is validated."""
    device: Annotated[str, Meta(max_length=99, pattern="^[ -~]*$")]
    """Where it was trained."""
    n_parameters: Count
    """Number of weights."""
