"""The loss, and Adam for stacked models of which each may be at another step.

Letters: M models, B batch rows, C classes, P parameters of one model, n training rows.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from memr_cli.learning.settings import TrainingSettings

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def loss_gradient(
    scores: Tensor, labels: Tensor, shares: Tensor, label_smoothing: float
) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each label (M, B) and the gradient of the scores (M, B, C).

    The gradient is that of the cross-entropy in which row b has weight `shares` (M, B): probability
    minus target. The target is 1 for the label. With label smoothing e it is 1 - e, and e is spread
    over all classes (Szegedy et al. 2016). labels: (M, B).
    """
    log_probabilities = torch.log_softmax(scores, dim=2)  # (M, B, C)
    of_label = log_probabilities.gather(2, labels.unsqueeze(2))  # (M, B, 1)
    gradient = log_probabilities.exp_()
    if label_smoothing:
        gradient.sub_(label_smoothing / scores.shape[2])
    gradient.scatter_add_(2, labels.unsqueeze(2), torch.full_like(of_label, label_smoothing - 1))
    return of_label.squeeze(2), gradient.mul_(shares.unsqueeze(2))


def class_weights(labels: NDArray[np.integer], n_classes: int) -> NDArray[np.float32]:
    """(C,) n / (classes that occur * rows of the class) of labels (n,); 0 where none occurs.

    All classes then have equal weight, and a row has weight 1 on average (King and Zeng 2001, and
    `balanced` in scikit-learn).
    """
    counts = np.bincount(labels, minlength=n_classes)
    n_occurring = np.count_nonzero(counts)
    return np.where(counts > 0, len(labels) / (n_occurring * np.maximum(counts, 1)), 0).astype(
        np.float32
    )


class Adam:
    """Adam (Kingma and Ba 2015) or AdamW (Loshchilov and Hutter 2019), one fused pass per model.

    parameters, gradients, first and second moments: (M, P); steps: (M,). All are changed in place.
    The classes of `torch.optim` load a compiler when they are made, which takes as long as training
    some of these networks. This calls the functions beneath them.
    """

    def __init__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        first: Tensor,
        second: Tensor,
        steps: Tensor,
        settings: TrainingSettings,
    ) -> None:
        self._settings = settings
        self._gradients, self._steps = gradients, steps
        self._function = adamw if settings.optimizer == "adamw" else adam
        # A list with a view (P,) per model, since each has its own step count.
        self._by_model = [list(part) for part in (parameters, gradients, first, second, steps)]

    def step(self) -> None:
        """Change the parameters by their gradients."""
        settings = self._settings
        if settings.clip is not None:
            # Shorten each model's gradient to `clip` where it is longer (Pascanu et al. 2013).
            lengths = self._gradients.norm(dim=1, keepdim=True)  # (M, 1)
            self._gradients.mul_(settings.clip / lengths.clamp(min=settings.clip))
        if not settings.warm_up:
            self._move(slice(None), settings.learning_rate)
            return
        for model, steps in enumerate(self._steps.tolist()):
            risen = min(1.0, (int(steps) + 1) / settings.warm_up)
            self._move(slice(model, model + 1), risen * settings.learning_rate)

    def _move(self, models: slice, learning_rate: float) -> None:
        parameters, gradients, first, second, steps = (part[models] for part in self._by_model)
        self._function(
            parameters,
            gradients,
            first,
            second,
            [],  # maxima of the second moments, which only AMSGrad has
            steps,
            lr=learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._settings.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            fused=True,
        )
