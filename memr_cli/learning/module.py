"""Networks written as a torch module, for architectures whose products cannot be stacked.

Gradients come from autograd, model by model. That is slower than a stack; the loop, the optimiser,
early stopping and seeds are the same.

Letters: M models, B batch rows, C classes, P parameters of one model, G modalities.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memr_cli.learning.networks import Arrays, Generators

_SEEDING = Lock()
"""Modules draw their start weights from torch's global generator, which threads share."""


class Weighing(Protocol):
    """A module that weighs modalities."""

    def weights(self, given: Any) -> Tensor:
        """The weight of each modality (B, G), without gradients and without dropout."""
        ...


@dataclass(frozen=True)
class ModuleArchitecture:
    """Networks of one torch module.

    `make` builds the module with fresh weights. Its `forward(given, generator)` takes what the feed
    gives for B rows and a numpy generator, or None outside training, and returns scores (B, C). All
    its randomness comes from that generator, as in `networks.dropout_mask`. Its only state is its
    parameters: no buffers, so no batch normalisation. `make` also has to work on torch's device
    `meta`, which has shapes and no numbers.
    """

    make: Callable[[], nn.Module]
    together: bool = False

    @cached_property
    def _template(self) -> nn.Module:
        """A module that has shapes and no numbers."""
        with torch.device("meta"):
            return self.make()

    @property
    def n_parameters(self) -> int:
        """P."""
        return sum(parameter.numel() for parameter in self._template.parameters())

    def _made(self, seed: int) -> nn.Module:
        with _SEEDING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make()

    def fresh(self, generator: np.random.Generator) -> Tensor:
        """Draw the parameters (P,) of a new module from the generator."""
        made = self._made(int(generator.integers(2**63)))
        return torch.cat([parameter.detach().reshape(-1) for parameter in made.parameters()])

    def module(self, parameters: Tensor) -> nn.Module:
        """A module that shares the memory of one model's parameters (P,)."""
        module = copy.deepcopy(self._template)
        for name, view in self.views(parameters).items():
            owner, _, own = name.rpartition(".")
            setattr(module.get_submodule(owner), own, nn.Parameter(view))
        return module

    def networks(self, parameters: Tensor) -> "ModuleNetworks":
        """M networks that share the memory of these parameters (M, P)."""
        return ModuleNetworks(self, parameters)

    def views(self, parameters: Tensor) -> dict[str, Tensor]:
        """Views of one model's parameters (P,) by name."""
        views, start = {}, 0
        for name, parameter in self._template.named_parameters():
            views[name] = parameters[start : start + parameter.numel()].view(parameter.shape)
            start += parameter.numel()
        return views

    def named(self, parameters: Tensor) -> dict[str, NDArray[np.float32]]:
        """Copy one model's parameters (P,) into arrays by the module's own names."""
        return {name: part.cpu().numpy().copy() for name, part in self.views(parameters).items()}

    def flat(self, arrays: Arrays) -> Tensor:
        """Return the parameters (P,) from which `named` made these arrays."""
        names = [name for name, _ in self._template.named_parameters()]
        return torch.cat([torch.from_numpy(arrays[name]).reshape(-1) for name in names])


class ModuleNetworks:
    """M networks of one module. parameters, gradients: (M, P)."""

    def __init__(self, architecture: ModuleArchitecture, parameters: Tensor) -> None:
        self._architecture = architecture
        self.parameters = parameters

    @cached_property
    def gradients(self) -> Tensor:
        """(M, P), filled by `backward`; never allocated for prediction."""
        return torch.zeros_like(self.parameters)

    @cached_property
    def _modules(self) -> list[nn.Module]:
        """One module per model; threads share none of them."""
        return [self._architecture.module(row) for row in self.parameters]

    @cached_property
    def _training(self) -> list[nn.Module]:
        """The modules, with `grad` as views of `gradients`, to which autograd adds."""
        for module, gradients in zip(self._modules, self.gradients, strict=True):
            for name, into in self._architecture.views(gradients).items():
                module.get_parameter(name).grad = into
        return self._modules

    def initialise(self, model: int, generator: np.random.Generator) -> None:
        """Draw fresh weights for one model, as the module does."""
        self.parameters[model] = self._architecture.fresh(generator)

    def forward(self, given: Sequence[Any], generators: Generators | None = None) -> list[Tensor]:
        """Return the class scores (M, B, C) of each model's batch, with generators in training."""
        if generators is None:
            with torch.no_grad():
                return [_scores(self._modules, given, [None] * len(self._modules))]
        return [_scores(self._training, given, list(generators))]

    def backward(self, values: Sequence[Tensor], gradient: Tensor) -> None:
        """Fill the gradients from the scores and their gradient (M, B, C)."""
        self.gradients.zero_()
        torch.autograd.backward(values[-1], gradient)


def _scores(
    modules: Sequence[nn.Module],
    given: Sequence[Any],
    generators: Sequence[np.random.Generator | None],
) -> Tensor:
    each = zip(modules, given, generators, strict=True)
    return torch.stack([module(batch, generator) for module, batch, generator in each])
