"""Networks that weigh or multiply modalities."""

import numpy as np
import pytest
import torch
from torch import nn

from memr_cli.learning.inputs import Block
from memr_cli.learning.modules.fusion import Gated, LowRankTensor
from memr_cli.learning.modules.layers import Width, dropped

BLOCKS = (Block(0, 4, 10), Block(4, 7, 8), Block(7, 8, 9))
"""Three modalities, whose columns of presence stand in another order."""
PRESENCE = [block.presence for block in BLOCKS]


def rows(n: int = 12) -> torch.Tensor:
    """Features of which the first rows lack the first modality, the last row all."""
    drawn = torch.from_numpy(np.random.default_rng(0).normal(size=(n, 11)).astype(np.float32))
    drawn[:, 8:] = 1
    for lacking, block in ((slice(0, 4), BLOCKS[0]), *((slice(-1, None), b) for b in BLOCKS)):
        drawn[lacking, block.start : block.end] = 0
        drawn[lacking, block.presence] = 0
    return drawn


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    width = Width(8, 0.5, 0.2)
    return Gated(BLOCKS, width, 3) if kind == "gated" else LowRankTensor(BLOCKS, width, 4, 3)


def test_weights_sum_to_one_over_what_is_present() -> None:
    weights = made("gated").weights(rows())
    present = rows()[:, PRESENCE] > 0
    assert (weights[~present] == 0).all()
    assert (weights[present] > 0).all()
    assert weights.sum(dim=1).tolist() == pytest.approx([1] * 11 + [0])
    assert weights[5:8].std(dim=0).min() > 1e-3, "each utterance has weights of its own"


@pytest.mark.parametrize("kind", ["gated", "tensor"])
def test_what_is_missing_says_nothing_and_gets_no_gradient(kind: str) -> None:
    module, features = made(kind), rows()
    before = module(features, None)
    filled = features.clone()
    filled[:4, 0:4] = 7.0  # under a column that says it is not there
    torch.testing.assert_close(module(filled, None), before)
    filled.requires_grad_()
    module(filled, None).sum().backward()
    assert not filled.grad[:4, 0:4].any()
    assert filled.grad[4:11, 0:4].any(dim=1).all()
    assert filled.grad[:11, 4:8].any(dim=1).all()


@pytest.mark.parametrize("kind", ["gated", "tensor"])
def test_a_row_that_has_nothing_gets_finite_scores_alike(kind: str) -> None:
    features = torch.zeros(2, 11)
    scores = made(kind)(features, None)
    assert torch.isfinite(scores).all()
    torch.testing.assert_close(scores[0], scores[1])


@pytest.mark.parametrize("kind", ["gated", "tensor"])
def test_chance_comes_from_the_generator_alone(kind: str) -> None:
    module = made(kind)
    first, again, other = (module(rows(), np.random.default_rng(s)) for s in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)
    torch.testing.assert_close(module(rows(), None), module(rows(), None), rtol=0, atol=0)


def test_dropout_keeps_the_mean() -> None:
    values = dropped(torch.ones(200, 200), 0.3, np.random.default_rng(0))
    assert sorted(values.unique().tolist()) == pytest.approx([0, 1 / 0.7])
    assert float(values.mean()) == pytest.approx(1, abs=0.02)


def test_the_low_rank_product_is_the_whole_tensor_contracted() -> None:
    """Against the outer product of all encodings with a 1 before each, written out."""
    module, features = made("tensor"), rows()[5:6]
    encoded = module.encoders(features, None)[0]  # (G, H)
    ones = torch.cat([torch.ones(3, 1), encoded], dim=1)
    outer = torch.einsum("a,b,c->abc", *ones)
    expected = torch.zeros(8)
    for r in range(4):
        at = slice(8 * r, 8 * r + 8)
        factors = [torch.cat([f.bias[at, None], f.weight[at]], dim=1) for f in module.factors]
        weight = torch.einsum("ha,hb,hc->habc", *factors)
        expected += module.ranks.weight[0, r] * (weight * outer).sum(dim=(1, 2, 3))
    expected += module.ranks.bias
    torch.testing.assert_close(module(features, None)[0], module.classes(expected))
