import numpy as np
import pytest
import torch
from feed_forward import sizes_of

from memr_cli.learning.feedforward import FeedForwardArchitecture, StackedNetworks

SIZES = (7, 6, 3, 4)


def networks(
    n_models: int, dropout: float = 0.0, sizes: tuple[int, ...] = SIZES
) -> StackedNetworks:
    architecture = FeedForwardArchitecture(sizes, dropout)
    made = architecture.networks(torch.zeros(n_models, architecture.n_parameters))
    for model in range(n_models):
        made.initialise(model, np.random.default_rng(model))
    return made


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_backward_pass_gives_the_gradients_of_autograd(dropout: float) -> None:
    stacked = networks(3, dropout)
    inputs, target = torch.randn(3, 5, 7), torch.randn(3, 5, 4)
    values = stacked.forward(inputs.clone(), [np.random.default_rng(9) for _ in range(3)])
    stacked.backward(values, 2 * (values[-1] - target))
    found = stacked.gradients.clone()

    stacked = StackedNetworks(SIZES, stacked.parameters.detach().requires_grad_(), dropout)
    generators = [np.random.default_rng(9) for _ in range(3)]
    hidden = inputs
    for depth, layer in enumerate(stacked.layers):
        hidden = hidden @ layer.weight + layer.bias
        if depth < len(stacked.layers) - 1:
            hidden = hidden.relu()
            if dropout:
                kept = [generator.random(hidden.shape[1:], np.float32) for generator in generators]
                hidden = hidden * (torch.tensor(np.stack(kept)) >= dropout) / (1 - dropout)
    ((hidden - target) ** 2).sum().backward()

    torch.testing.assert_close(found, stacked.parameters.grad)


def test_each_model_of_a_stack_computes_as_it_does_alone() -> None:
    stacked, inputs = networks(3), torch.randn(3, 5, 7)
    together = stacked.forward(inputs)[-1]
    architecture = FeedForwardArchitecture(SIZES)
    for model in range(3):
        arrays = architecture.named(stacked.parameters[model])
        assert sizes_of(arrays) == SIZES
        alone = architecture.networks(architecture.flat(arrays).unsqueeze(0))
        torch.testing.assert_close(alone.forward(inputs[model : model + 1])[-1][0], together[model])


def test_weights_start_as_those_of_torchs_linear_layer_do() -> None:
    drawn = networks(1, sizes=(400, 300, 2)).layers[0].weight
    assert drawn.abs().max() <= 400**-0.5
    reference = torch.nn.Linear(400, 300).weight
    assert drawn.std().item() == pytest.approx(reference.std().item(), rel=0.02)
    assert abs(drawn.mean().item()) < 1e-3


def test_dropout_keeps_the_expected_value_and_is_off_without_generators() -> None:
    ones = networks(1, 0.25, (1, 20_000, 2))
    ones.layers[0].weight.zero_()
    ones.layers[0].bias.fill_(1.0)
    hidden = ones.forward(torch.zeros(1, 1, 1), [np.random.default_rng(1)])[1]
    assert hidden.unique().tolist() == [0.0, pytest.approx(4 / 3)]
    assert hidden.mean().item() == pytest.approx(1.0, abs=0.02)
    assert ones.forward(torch.zeros(1, 1, 1))[1].unique().tolist() == [1.0]
