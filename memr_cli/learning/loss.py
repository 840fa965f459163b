"""The loss that training descends. Letters: M models, B batch rows, C classes, n training rows."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memr_cli.learning.settings import TrainingSettings


def loss_gradient(
    scores: Tensor, labels: Tensor, shares: Tensor, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    """The log-probability of each row's label (M, B), and the gradient of the scores (M, B, C).

    The gradient is that of the cross-entropy, of which row b counts `shares` (M, B): probability
    minus target. The target is 1 for the label; with label smoothing e, 1 - e, and e is spread over
    all classes (Szegedy et al. 2016).
    """
    smoothing = settings.label_smoothing
    log_probabilities = torch.log_softmax(scores, dim=2)
    told = log_probabilities.gather(2, labels.unsqueeze(2))
    gradient = log_probabilities.exp_()
    if smoothing:
        gradient.sub_(smoothing / scores.shape[2])
    gradient.scatter_add_(2, labels.unsqueeze(2), torch.full_like(told, smoothing - 1))
    return told.squeeze(2), gradient.mul_(shares.unsqueeze(2))


def class_weights(labels: NDArray[np.integer], n_classes: int) -> NDArray[np.float32]:
    """(C,) n / (classes that occur * rows of the class), from labels (n,); 0 where none occurs.

    So all classes count alike, and a row counts 1 in the mean over rows (King and Zeng 2001, and
    `balanced` in scikit-learn).
    """
    counts = np.bincount(labels, minlength=n_classes)
    n_occurring = np.count_nonzero(counts)
    return np.where(counts > 0, len(labels) / (n_occurring * np.maximum(counts, 1)), 0).astype(
        np.float32
    )
