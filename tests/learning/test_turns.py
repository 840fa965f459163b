"""Dialogues as networks are given them, and what a turn's scores depend on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from memr_cli.data.dialogues import Dialogues, turn_order
from memr_cli.learning.inputs import Block, Rows
from memr_cli.learning.modules.context import Context
from memr_cli.learning.modules.layers import Recurrence, Width
from memr_cli.learning.pooled import PooledInputs
from memr_cli.learning.turns import DialogueInputs, Turns

BLOCKS = (Block(0, 3, 5), Block(3, 5, 6))
N, N_CLASSES = 40, 3


def corpus(seed: int = 0, n: int = N) -> tuple[NDArray[np.float32], Rows, Rows, Rows]:
    """Features with a lack here and there, and dialogue, speaker and order of each utterance."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 7)).astype(np.float32)
    features[:, 5:] = 1
    features[: n // 5, 0:3], features[: n // 5, 5] = np.nan, 0
    features[-3:, 3:5], features[-3:, 6] = np.nan, 0
    dialogue = rng.integers(-1, 5, n)
    return features, dialogue, rng.integers(0, 2, n) + 2 * (dialogue % 2), rng.permutation(n)


def inputs_of(
    features: NDArray[np.float32], dialogue: Rows, speaker: Rows, order: Rows
) -> DialogueInputs:
    dialogues = Dialogues.arranged(dialogue, order)
    parties = Dialogues.arranged(dialogues.of * 10 + speaker, order)
    labels = np.arange(len(features)) % N_CLASSES
    pooled = PooledInputs(features, labels, N_CLASSES, n_raw=2, blocks=BLOCKS)
    return DialogueInputs(pooled, dialogues, parties)


def network(*, causal: bool = False) -> Context:
    torch.manual_seed(0)
    return Context(BLOCKS, Width(8, 0.0, 0.0), 6, N_CLASSES, causal=causal)


def given_for(inputs: DialogueInputs, rows: Rows) -> Turns:
    mean, inverse = torch.zeros(1, 1, 7), torch.ones(1, 1, 7)
    (turns,) = inputs.feed("cpu").given(torch.from_numpy(rows).unsqueeze(0), mean, inverse)
    return turns


def scores(inputs: DialogueInputs, rows: Rows, *, causal: bool = False) -> NDArray[np.float32]:
    with torch.no_grad():
        found: NDArray[np.float32] = network(causal=causal)(given_for(inputs, rows), None).numpy()
    return found


def plainly(inputs: DialogueInputs, row: int, *, causal: bool) -> NDArray[np.float32]:
    """One row's scores from its dialogue alone, without padding, turn by turn."""
    module = network(causal=causal)

    def fused(rows: list[int]) -> torch.Tensor:
        features = np.nan_to_num(inputs.pooled.features[rows])
        found: torch.Tensor = module.fusion(torch.from_numpy(features), None)[0]
        return found

    def states(steps: torch.Tensor, recurrence: Recurrence) -> torch.Tensor:
        parts = [recurrence.onward(steps)[0]]
        if recurrence.back is not None:
            parts.append(recurrence.back(steps.flip(0))[0].flip(0))
        return torch.cat(parts, 1)

    def together(group: Dialogues, row: int) -> list[int]:
        return [int(other) for other in group.turns(group.of[[row]])[0] if other >= 0]

    with torch.no_grad():
        heard = []
        for turn in together(inputs.dialogues, row):
            own = together(inputs.parties, turn)
            heard.append(states(fused(own), module.party)[own.index(turn)])
        turns = together(inputs.dialogues, row)
        steps = torch.cat([fused(turns), torch.stack(heard)], dim=1)
        around = states(steps, module.dialogue)
        at = turns.index(row)
        found: NDArray[np.float32] = module.classes(
            torch.cat([fused([row])[0], around[at], heard[at]])
        ).numpy()
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_scores_are_those_of_each_dialogue_read_turn_by_turn(causal: bool) -> None:
    inputs = inputs_of(*corpus())
    found = scores(inputs, np.arange(N), causal=causal)
    expected = [plainly(inputs, row, causal=causal) for row in range(N)]
    np.testing.assert_allclose(found, expected, atol=2e-6)


@given(rows=st.sets(st.integers(0, N - 1), min_size=1), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_who_else_is_in_a_batch_changes_no_score(rows: set[int], seed: int) -> None:
    """Other rows bring other dialogues, and these other padding."""
    inputs = inputs_of(*corpus(seed))
    chosen = np.array(sorted(rows))
    whole = scores(inputs, np.arange(N))
    np.testing.assert_allclose(scores(inputs, chosen), whole[chosen], atol=2e-6)


@given(order=st.permutations(range(N)))
@settings(max_examples=15, deadline=None)
def test_where_utterances_stand_in_the_store_changes_no_score(order: list[int]) -> None:
    features, *columns = corpus()
    before = scores(inputs_of(features, *columns), np.arange(N))
    moved = [column[order] for column in columns]
    after = scores(inputs_of(features[order], *moved), np.arange(N))
    np.testing.assert_allclose(after, before[order], atol=2e-6)


def test_a_causal_score_depends_on_no_later_turn_and_on_earlier_ones() -> None:
    features, dialogue, speaker, order = corpus()
    before = scores(inputs_of(features, dialogue, speaker, order), np.arange(N), causal=True)
    (rows,) = np.nonzero(dialogue == 0)
    turns = rows[np.argsort(order[rows])]
    changed = features.copy()
    changed[turns[3], 3:5] = 9
    after = scores(inputs_of(changed, dialogue, speaker, order), np.arange(N), causal=True)
    same = np.isclose(before, after, atol=1e-3).all(axis=1)
    assert same[turns[:3]].all()
    assert not same[turns[3:]].any()


def test_both_directions_see_the_whole_dialogue_and_no_other() -> None:
    features, dialogue, speaker, order = corpus()
    inputs = inputs_of(features, dialogue, speaker, order)
    turns = given_for(inputs, np.arange(N))
    reached = turns.features.requires_grad_()
    (rows,) = np.nonzero(dialogue == 0)
    network()(turns, None)[rows[0]].sum().backward()
    touched = reached.grad.abs().sum(dim=2).flatten()[turns.places].numpy() > 0
    np.testing.assert_array_equal(touched, dialogue == 0)


def test_no_gradient_reaches_what_is_missing() -> None:
    features, *columns = corpus()
    inputs = inputs_of(features, *columns)
    turns = given_for(inputs, np.arange(N))
    reached = turns.features.requires_grad_()
    network()(turns, None).sum().backward()
    gradients = reached.grad.flatten(0, 1)[turns.places].numpy()
    for block in BLOCKS:
        lacking = np.isnan(features[:, block.start])
        assert lacking.any()
        assert not gradients[lacking, block.start : block.end].any()
        assert gradients[~lacking, block.start : block.end].any(axis=1).all()


def test_an_epoch_scores_each_row_once_and_labels_of_context_never() -> None:
    inputs = inputs_of(*corpus())
    rows = np.arange(0, N, 3)
    batches = inputs.epoch(rows, 2, np.random.default_rng(0))
    assert sorted(np.concatenate([batch.rows for batch in batches])) == rows.tolist()
    for batch in batches:
        assert len(set(inputs.dialogues.of[batch.rows])) <= 2
        assert batch.shares.sum() == pytest.approx(1)
    # What the loss looks up are labels of rows asked for: others may be anything.
    labels = inputs.pooled.labels.copy()
    labels[np.setdiff1d(np.arange(N), rows)] = -1
    masked = replace(inputs, pooled=replace(inputs.pooled, labels=labels))
    np.testing.assert_array_equal(scores(masked, rows), scores(inputs, rows))


def test_chunks_cover_every_place_once() -> None:
    inputs = inputs_of(*corpus(n=400))
    rows = np.arange(1, 400, 2)
    assert sorted(np.concatenate(list(inputs.chunks(rows)))) == list(range(len(rows)))


def test_turns_follow_the_column_and_where_one_is_unknown_the_listing() -> None:
    dialogue = np.array([0, 0, 0, 1, 1, -1])
    turn = np.array([2, 0, 1, 5, -1, 7])
    listed = np.array([0, 1, 2, 4, 3, 5])
    arranged = Dialogues.arranged(dialogue, turn_order(dialogue, turn, listed))
    assert arranged.turns(np.arange(3)).tolist() == [[1, 2, 0], [4, 3, -1], [5, -1, -1]]
    assert arranged.of.tolist() == [0, 0, 0, 1, 1, 2]
    assert arranged.place.tolist() == [2, 0, 1, 1, 0, 0]
