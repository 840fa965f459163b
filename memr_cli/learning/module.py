"""Networks written as a torch module, for architectures whose products don't stack.

Gradients come from autograd, model by model. That is slower than a stack with its own backward
pass, and all else is the same: the loop, the optimiser, early stopping, seeds.

Letters: M models, B batch rows, D input dims, C classes, P parameters of one model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memr_cli.learning.architecture import Arrays, Generators

_SEEDING = Lock()
"""Modules draw their first weights from torch's one generator, which threads share."""


@dataclass(frozen=True)
class ModuleArchitecture:
    """Networks of one torch module.

    `make` builds the module with fresh weights. Its `forward(inputs, generator)` takes (B, D) and a
    numpy generator, or None outside training, and returns scores (B, C). All chance in it (dropout)
    comes from that generator, as by `network.kept`; it holds no state but its parameters, so no
    batch normalisation.
    """

    make: Callable[[], nn.Module]

    @cached_property
    def template(self) -> nn.Module:
        """The module that computes, with the parameters of any model in turn."""
        return self._made(0)

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum(parameter.numel() for parameter in self.template.parameters())

    def _made(self, seed: int) -> nn.Module:
        with _SEEDING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make()

    def fresh(self, generator: np.random.Generator) -> Tensor:
        """The parameters (P,) of a new module, drawn from the generator alone."""
        made = self._made(int(generator.integers(2**63)))
        return torch.cat([parameter.detach().reshape(-1) for parameter in made.parameters()])

    def networks(self, parameters: Tensor) -> "ModuleNetworks":
        """The M networks of these parameters (M, P), which they share."""
        return ModuleNetworks(self, parameters)

    def views(self, parameters: Tensor) -> dict[str, Tensor]:
        """The module's parameters by name, as views of one model's (P,)."""
        views, start = {}, 0
        for name, parameter in self.template.named_parameters():
            views[name] = parameters[start : start + parameter.numel()].view(parameter.shape)
            start += parameter.numel()
        return views

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copies of one model's parameters (P,) by the module's own names."""
        return {name: part.cpu().numpy().copy() for name, part in self.views(parameters).items()}

    def flat(self, arrays: Arrays) -> Tensor:
        """The parameters (P,) that `named` gave."""
        names = [name for name, _ in self.template.named_parameters()]
        return torch.cat([torch.from_numpy(arrays[name]).reshape(-1) for name in names])


class ModuleNetworks:
    """M networks of one module. parameters: (M, P), and gradients alike."""

    def __init__(self, architecture: ModuleArchitecture, parameters: Tensor) -> None:
        self._architecture = architecture
        self.parameters = parameters

    @cached_property
    def gradients(self) -> Tensor:
        """(M, P) what `backward` found."""
        return torch.zeros_like(self.parameters)

    @cached_property
    def _leaves(self) -> list[dict[str, Tensor]]:
        """Each model's parameters by name, where autograd adds what it finds into `gradients`."""
        models = []
        for parameters, gradients in zip(self.parameters, self.gradients, strict=True):
            leaves = self._architecture.views(parameters)
            for name, into in self._architecture.views(gradients).items():
                leaves[name] = leaves[name].detach().requires_grad_()
                leaves[name].grad = into
            models.append(leaves)
        return models

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Give one model fresh weights, as the module draws them."""
        self.parameters[model] = self._architecture.fresh(generator)

    def forward(self, inputs: Tensor, generators: Generators | None = None) -> list[Tensor]:
        """The class scores (M, B, C), for inputs (M, B, D); with generators ready to go back."""
        if generators is None:
            with torch.no_grad():
                models = [self._architecture.views(row) for row in self.parameters]
                return [self._scores(models, inputs, [None] * len(models))]
        return [self._scores(self._leaves, inputs, list(generators))]

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients, from the scores and their gradient (M, B, C)."""
        self.gradients.zero_()
        torch.autograd.backward(values[-1], gradient)

    def _scores(
        self,
        models: Sequence[dict[str, Tensor]],
        inputs: Tensor,
        generators: Sequence[np.random.Generator | None],
    ) -> Tensor:
        module = self._architecture.template
        scores = [
            torch.func.functional_call(module, parameters, (batch, generator))
            for parameters, batch, generator in zip(models, inputs, generators, strict=True)
        ]
        return torch.stack(cast("list[Tensor]", scores))
