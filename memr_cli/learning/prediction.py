"""Predicting with one trained network. Letters: n rows asked for, G modalities, C classes."""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from memr_cli.data.scaling import Scaler
from memr_cli.learning.inputs import Inputs, Rows
from memr_cli.learning.module import ModuleArchitecture, Weighing
from memr_cli.learning.networks import Architecture, Arrays


def predict(
    arrays: Arrays, scaler: Scaler, inputs: Inputs, rows: Rows, architecture: Architecture
) -> NDArray[np.float64]:
    """Return class probabilities (n, C) for `rows` (n,) of the network with these arrays."""
    network = architecture.networks(architecture.flat(arrays).unsqueeze(0))  # M is 1
    probabilities = np.empty((len(rows), inputs.n_classes))
    for positions, given in _chunks(scaler, inputs, rows):
        scores = network.forward(given)[-1][0]
        probabilities[positions] = torch.softmax(scores, 1).double().numpy()
    return probabilities


def modality_weights(
    arrays: Arrays, scaler: Scaler, inputs: Inputs, rows: Rows, architecture: Architecture
) -> NDArray[np.float64]:
    """Return the weight of each modality (n, G) for rows (n,), by the module's `weights`."""
    if not isinstance(architecture, ModuleArchitecture):
        raise TypeError("only a module weighs modalities")
    module = cast("Weighing", architecture.module(architecture.flat(arrays)))
    found = [
        (positions, module.weights(given[0]).double().numpy())
        for positions, given in _chunks(scaler, inputs, rows)
    ]
    weights = np.empty((len(rows), found[0][1].shape[1]))
    for positions, part in found:
        weights[positions] = part
    return weights


def _chunks(scaler: Scaler, inputs: Inputs, rows: Rows) -> Iterator[tuple[Rows, Any]]:
    """Yield chunks of rows: their positions in `rows`, and what the feed gives for them."""
    feed = inputs.feed("cpu")
    mean = torch.from_numpy(scaler.mean).view(1, 1, -1)
    inverse = torch.from_numpy(1 / scaler.scale).view(1, 1, -1)
    for positions in inputs.chunks(rows):
        chosen = torch.from_numpy(rows[positions]).unsqueeze(0)  # (1, B)
        yield positions, feed.given(chosen, mean, inverse)
