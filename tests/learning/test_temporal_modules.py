"""What networks over frames may and may not depend on."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from memr_cli.learning.modules.layers import Width, positions
from memr_cli.learning.modules.temporal import CrossModal, GRUEncoder, Temporal, TransformerEncoder
from memr_cli.learning.sequences import Sequences

DIMS, HIDDEN, N_CLASSES = [3, 4, 2], 12, 3


def recurrent(hidden: int = HIDDEN, dropout: float = 0.0) -> nn.Module:
    return Temporal(
        lambda dim: GRUEncoder(dim, Width(hidden, dropout, dropout)), DIMS, hidden, N_CLASSES
    )


def transformer(hidden: int = HIDDEN, dropout: float = 0.0) -> nn.Module:
    return Temporal(
        lambda dim: TransformerEncoder(dim, Width(hidden, dropout, dropout)),
        DIMS,
        hidden,
        N_CLASSES,
    )


def crossmodal(hidden: int = HIDDEN, dropout: float = 0.0) -> nn.Module:
    return CrossModal(DIMS, Width(hidden, dropout, dropout), N_CLASSES)


Make = Callable[..., nn.Module]
MAKES = [recurrent, transformer, crossmodal]
every = pytest.mark.parametrize("make", MAKES)


def made(make: Make, **how: float) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make(**how)


def batch(counts: list[list[int]], extra: int = 0, fill: float = 0.0, seed: int = 0) -> Sequences:
    """Rows of so many segments in each modality; `extra` steps of padding, filled with `fill`.

    What a segment holds depends on its row, modality and step alone.
    """
    frames, masks = [], []
    for g, dim in enumerate(DIMS):
        lengths = [row[g] for row in counts]
        n_steps = max(1, *lengths) + extra
        values = torch.full((len(counts), n_steps, dim), fill)
        for place, length in enumerate(lengths):
            rng = np.random.default_rng((seed, place, g))
            values[place, :length] = torch.from_numpy(rng.normal(size=(length, dim))).float()
        frames.append(values)
        masks.append(torch.arange(n_steps) < torch.tensor(lengths).unsqueeze(1))
    present = torch.stack([mask.any(dim=1) for mask in masks], dim=1)
    return Sequences(tuple(frames), tuple(masks), present)


def part(whole: Sequences, rows: list[int]) -> Sequences:
    """Some rows, without the padding that they do not need."""
    steps = [max(1, int(mask[rows].sum(dim=1).max())) for mask in whole.masks]
    return Sequences(
        tuple(f[rows, :n] for f, n in zip(whole.frames, steps, strict=True)),
        tuple(m[rows, :n] for m, n in zip(whole.masks, steps, strict=True)),
        whole.present[rows],
    )


def scores(module: nn.Module, sequences: Sequences) -> Tensor:
    with torch.no_grad():
        found: Tensor = module(sequences, None)
    return found


COUNTS = st.lists(st.tuples(*[st.integers(0, 6)] * 3).map(list), min_size=1, max_size=5)


@every
@given(counts=COUNTS, data=st.data())
@settings(deadline=None, max_examples=20)
def test_neither_padding_nor_other_rows_nor_their_order_change_a_row(
    make: Make, counts: list[list[int]], data: st.DataObject
) -> None:
    module = made(make)
    whole = scores(module, batch(counts))
    assert whole.isfinite().all()
    padded = scores(module, batch(counts, extra=3, fill=50.0))
    np.testing.assert_allclose(padded, whole, rtol=1e-4, atol=1e-5)
    rows = data.draw(st.permutations(range(len(counts))))
    rows = rows[: data.draw(st.integers(1, len(rows)))]
    some = scores(module, part(batch(counts), rows))
    np.testing.assert_allclose(some, whole[rows], rtol=1e-4, atol=1e-5)


@every
def test_padding_and_missing_modalities_get_no_gradient(make: Make) -> None:
    module, sequences = made(make), batch([[4, 0, 1], [2, 3, 0], [0, 0, 1]], extra=2, fill=9.0)
    for frames in sequences.frames:
        frames.requires_grad_()
    module(sequences, None).square().sum().backward()
    for frames, mask in zip(sequences.frames, sequences.masks, strict=True):
        assert frames.grad is not None
        assert (frames.grad[~mask] == 0).all()
        assert (frames.grad[mask].abs().sum(dim=1) > 0).all()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@every
def test_what_is_missing_everywhere_teaches_its_encoder_nothing(make: Make) -> None:
    module = made(make)
    module(batch([[4, 0, 1], [2, 0, 1]]), None).square().sum().backward()
    encoders = module.encoders if isinstance(module, Temporal) else module.enter
    for parameter in encoders[1].parameters():
        assert parameter.grad is None or (parameter.grad == 0).all()


@every
def test_a_row_that_has_nothing_gets_finite_scores(make: Make) -> None:
    assert scores(made(make), batch([[0, 0, 0], [2, 1, 1]])).isfinite().all()


@every
def test_the_order_of_frames_counts(make: Make) -> None:
    forward = batch([[5, 5, 5]])
    turned = forward._replace(frames=tuple(frames.flip(1) for frames in forward.frames))
    module = made(make)
    assert (scores(module, forward) - scores(module, turned)).abs().max() > 1e-4


@every
@pytest.mark.parametrize("hidden", [2, 7, 10])
def test_any_number_of_units_will_do(make: Make, hidden: int) -> None:
    assert scores(made(make, hidden=hidden), batch([[1, 1, 1]])).shape == (1, N_CLASSES)


@every
def test_chance_comes_from_the_generator_alone(make: Make) -> None:
    module, sequences = made(make, dropout=0.5), batch([[3, 2, 1]])
    first, again = (module(sequences, np.random.default_rng(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, module(sequences, np.random.default_rng(2)))
    assert not torch.equal(first, module(sequences, None))


@pytest.mark.parametrize("make", [recurrent, transformer])
def test_weights_are_shared_among_what_is_there(make: Make) -> None:
    module, sequences = made(make), batch([[4, 0, 1], [2, 3, 1], [0, 0, 1], [0, 0, 0]])
    assert isinstance(module, Temporal)
    weights = module.weights(sequences)
    assert torch.equal(weights > 0, sequences.present)
    np.testing.assert_allclose(weights.sum(dim=1), [1, 1, 1, 0], rtol=1e-6)


def test_one_modality_alone_looks_at_itself() -> None:
    module = CrossModal([3], Width(HIDDEN, 0.0, 0.0), N_CLASSES)
    whole = batch([[4, 1, 1], [2, 1, 1]])
    alone = Sequences(whole.frames[:1], whole.masks[:1], whole.present[:, :1])
    assert scores(module, alone).isfinite().all()


def test_every_step_has_a_position_of_its_own() -> None:
    found = positions(400, 7, torch.device("cpu"))
    assert found.shape == (400, 7)
    apart = torch.cdist(found, found) + torch.eye(400)
    assert apart.min() > 0.01
