"""Seconds an epoch of bare arithmetic: floor_worker.py stacked|divided DEVICE answers requests.

What is timed is what a training step of several models cannot do without: the products forward, for
the gradients of each layer's inputs and for those of its weights, and one fused pass of Adam over
all parameters. There is no bias, no activation, no loss, no data to gather, and the batch is always
the same.

    stacked   all models in one batched product, on all threads of the library
    divided   models are handed out, an epoch at a time, to as many Python threads, and the library
              has one thread in each: models need not wait for each other, and one model's weights
              stay near the processor for longer

Letters: M models, B batch rows, D and H inputs and outputs of a layer, P parameters of one model.
"""

import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import torch
from race_workers import serve
from torch import Tensor
from torch.optim.adam import adam

WARM_UP = 5
"""Steps not counted, in which memory is touched for the first time."""


class Products:
    """The arithmetic of a step of M models with layers of these sizes, on batches of B rows."""

    def __init__(self, sizes: Sequence[int], models: int, batch: int, device: str) -> None:
        n_parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
        self.parameters = 0.01 * torch.randn(models, n_parameters, device=device)
        self.gradients = torch.zeros_like(self.parameters)
        self.moments = [torch.zeros_like(self.parameters) for _ in range(2)]
        self.n_steps = torch.zeros((), device=device)
        self.weights = _views(self.parameters, sizes)
        self.weight_gradients = _views(self.gradients, sizes)
        self.inputs = torch.randn(models, batch, sizes[0], device=device)
        self.of_scores = torch.randn(models, batch, sizes[-1], device=device) / batch

    def steps(self, count: int) -> None:
        """Do that many steps."""
        for _ in range(count):
            self._step()

    def _step(self) -> None:
        values = [self.inputs]  # (M, B, D)
        for weight in self.weights:
            values.append(torch.bmm(values[-1], weight))  # (M, B, H)
        gradient = self.of_scores
        for depth in range(len(self.weights) - 1, -1, -1):
            entered = values[depth].transpose(1, 2)
            torch.bmm(entered, gradient, out=self.weight_gradients[depth])
            if depth:
                gradient = torch.bmm(gradient, self.weights[depth].transpose(1, 2))
        first, second = self.moments
        adam(
            [self.parameters],
            [self.gradients],
            [first],
            [second],
            [],
            [self.n_steps],
            # So small that values stay as they are: some values would slow the arithmetic.
            lr=1e-12,
            beta1=0.9,
            beta2=0.999,
            weight_decay=1e-5,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
            fused=True,
        )


def _views(flat: Tensor, sizes: Sequence[int]) -> list[Tensor]:
    """The weights (M, D, H) of each layer in (M, P)."""
    views, start = [], 0
    for inputs, outputs in pairwise(sizes):
        views.append(flat[:, start : start + inputs * outputs].view(len(flat), inputs, outputs))
        start += (inputs + 1) * outputs  # the bias is Adam's to move, and no product's
    return views


def stacked(request: Mapping[str, Any], device: str) -> float:
    """Seconds an epoch, all models in one product."""
    products = Products(_sizes(request), request["models"], request["batch"], device)
    products.steps(WARM_UP)
    started = _now(device)
    products.steps(_steps(request) * request["epochs"])
    return (_now(device) - started) / float(request["epochs"])


def divided(request: Mapping[str, Any], n_threads: int) -> float:
    """Seconds an epoch, models handed out to threads. The library is to have one thread."""
    models = [
        Products(_sizes(request), 1, request["batch"], "cpu") for _ in range(request["models"])
    ]
    for model in models:
        model.steps(WARM_UP)
    waiting = deque((model, request["epochs"]) for model in models)

    def work() -> None:
        while waiting:
            try:
                model, epochs = waiting.popleft()
            except IndexError:
                return  # another thread was faster
            model.steps(_steps(request))
            if epochs > 1:
                waiting.append((model, epochs - 1))

    n_threads = min(n_threads, len(models))
    with ThreadPoolExecutor(n_threads) as threads:
        started = time.perf_counter()
        for thread in [threads.submit(work) for _ in range(n_threads)]:
            thread.result()
        return (time.perf_counter() - started) / float(request["epochs"])


def _sizes(request: Mapping[str, Any]) -> tuple[int, ...]:
    hidden = request["hidden"]
    return (request["dim"], hidden, hidden // 2, request["classes"])


def _steps(request: Mapping[str, Any]) -> int:
    return int(request["rows"] // request["batch"])


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def main() -> None:
    """Run as a program."""
    arrangement, device = sys.argv[1:]
    if arrangement == "stacked":
        serve(lambda request: stacked(request, device))
        return
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    serve(lambda request: divided(request, n_threads))


if __name__ == "__main__":
    main()
