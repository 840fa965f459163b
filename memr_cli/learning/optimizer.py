"""Adam for stacked models, each with a step count of its own.

The classes of `torch.optim` load the compiler when they are made, which takes as long as training
some of these networks. The functions beneath them do the same arithmetic without it.

Letters: M models, P parameters of one model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.adamw import adamw

from memr_cli.learning.settings import TrainingSettings

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True, eq=False)
class Moments:
    """Running means of gradients and of their squares, (M, P) each, and the steps of each model."""

    first: Tensor
    second: Tensor
    steps: tuple[Tensor, ...]

    @classmethod
    def none_yet(cls, parameters: Tensor) -> "Moments":
        """Those of models that have not made a step."""
        steps = tuple(torch.zeros((), device=parameters.device) for _ in parameters)
        return cls(torch.zeros_like(parameters), torch.zeros_like(parameters), steps)

    def of(self, models: Sequence[int]) -> "Moments":
        """Copies of those of some models, in the order given."""
        chosen = list(models)
        steps = tuple(self.steps[model].clone() for model in chosen)
        return Moments(self.first[chosen], self.second[chosen], steps)

    def forget(self, model: int) -> None:
        """Start anew for one model."""
        for part in (self.first[model], self.second[model], self.steps[model]):
            part.zero_()


class Adam:
    """Adam (Kingma and Ba 2015), or AdamW (Loshchilov and Hutter 2019): one fused pass a model."""

    def __init__(
        self, parameters: Tensor, gradients: Tensor, moments: Moments, settings: TrainingSettings
    ) -> None:
        self.moments = moments
        self._settings = settings
        self._gradients = gradients
        self._function = adamw if settings.optimizer == "adamw" else adam
        # Model by model, so that each can be at another step. They are rows: views.
        self._parts = [
            list(part) for part in (parameters, gradients, moments.first, moments.second)
        ]

    def step(self) -> None:
        """Change the parameters by their gradients."""
        settings = self._settings
        if settings.clip is not None:
            self._clip(settings.clip)
        if not settings.warm_up:
            self._move(slice(None), settings.learning_rate)
            return
        # Each model is at a step of its own, and so at a learning rate of its own.
        for model, steps in enumerate(self.moments.steps):
            risen = min(1.0, (int(steps) + 1) / settings.warm_up)
            self._move(slice(model, model + 1), risen * settings.learning_rate)

    def _clip(self, longest: float) -> None:
        """Shorten each model's gradient to `longest` where it is longer (Pascanu et al. 2013)."""
        lengths = self._gradients.norm(dim=1, keepdim=True)
        self._gradients.mul_(longest / lengths.clamp(min=longest))

    def _move(self, models: slice, learning_rate: float) -> None:
        parameters, gradients, first, second = (part[models] for part in self._parts)
        self._function(
            parameters,
            gradients,
            first,
            second,
            [],  # no maxima of second moments: that is AMSGrad
            list(self.moments.steps[models]),
            lr=learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._settings.weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            fused=True,
        )
