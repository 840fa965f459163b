"""The names and shapes of a network's arrays, whatever its weights."""

import torch

from memr_cli.learning.architecture import Architecture


def shapes_of(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """The shape of each array that `architecture.named` gives."""
    named = architecture.named(torch.zeros(architecture.n_parameters))
    return {name: array.shape for name, array in named.items()}
