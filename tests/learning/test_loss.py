"""The loss, against PyTorch's own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_training import SETTINGS

from memr_cli.errors import UsageError
from memr_cli.learning.optimizer import Adam, class_weights, loss_gradient
from memr_cli.vocabulary import ClassWeights


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_cross_entropy(smoothing: float, weighted: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 8)
    weights = class_weights(labels, 3) if weighted else np.ones(3, np.float32)
    scores = torch.tensor(rng.normal(size=(1, 8, 3)), requires_grad=True)
    each = torch.nn.functional.cross_entropy(
        scores[0], torch.from_numpy(labels), reduction="none", label_smoothing=smoothing
    )
    (each * torch.from_numpy(weights)[labels]).mean().backward()
    shares = torch.from_numpy(weights[labels] / 8).unsqueeze(0)
    told, gradient = loss_gradient(
        scores.detach(), torch.from_numpy(labels).unsqueeze(0), shares, smoothing
    )
    torch.testing.assert_close(gradient, scores.grad)
    expected = torch.log_softmax(scores.detach(), 2)[0, np.arange(8), labels]
    torch.testing.assert_close(told[0], expected)


def test_balanced_weights_make_classes_count_alike_and_rows_one_on_average() -> None:
    labels = np.array([0, 0, 0, 0, 0, 0, 2, 2, 3])
    weights = class_weights(labels, 5)
    np.testing.assert_allclose(weights * np.bincount(labels, minlength=5), [3, 0, 3, 3, 0])
    assert weights[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_a_smoothing_that_is_no_share_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"--label-smoothing is .*; give a share"):
        replace(SETTINGS, label_smoothing=value)


def test_class_weights_are_recorded_by_name() -> None:
    assert replace(SETTINGS, class_weights=ClassWeights.BALANCED).class_weights == "balanced"


def moments(parameters: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Adam's moments and steps before the first step."""
    zeros = torch.zeros_like
    return zeros(parameters), zeros(parameters), torch.zeros(len(parameters))


def moved(gradient: torch.Tensor, **changed: object) -> torch.Tensor:
    """Where one step of plain Adam takes two models of three parameters each from 0."""
    settings = replace(SETTINGS, optimizer="adam", weight_decay=0.0, **changed)
    parameters = torch.zeros(2, 3)
    Adam(parameters, gradient, *moments(parameters), settings).step()
    return parameters


def test_long_gradients_are_shortened_model_by_model() -> None:
    gradient = torch.tensor([[3.0, 0.0, 4.0], [0.3, 0.0, 0.4]])
    moved(gradient, clip=1.0)
    torch.testing.assert_close(gradient, torch.tensor([[0.6, 0.0, 0.8], [0.3, 0.0, 0.4]]))


def test_the_learning_rate_rises_with_each_models_own_steps() -> None:
    gradient = torch.ones(2, 3)
    parameters = torch.zeros(2, 3)
    settings = replace(SETTINGS, optimizer="adam", weight_decay=0.0, warm_up=4)
    first, second, steps = moments(parameters)
    adam = Adam(parameters, gradient, first, second, steps, settings)
    lengths = []
    for _ in range(5):
        before = parameters.clone()
        adam.step()
        lengths.append(float((before - parameters)[0, 0]) / settings.learning_rate)
    assert lengths == pytest.approx([0.25, 0.5, 0.75, 1, 1], rel=1e-3)
    for part in (first, second, steps):
        part[1] = 0
    before = parameters.clone()
    adam.step()
    steps = (before - parameters)[:, 0] / settings.learning_rate
    assert steps.tolist() == pytest.approx([1, 0.25], rel=1e-3)
