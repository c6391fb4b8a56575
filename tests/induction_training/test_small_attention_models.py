"""The small attention-only model: against a plain loop, and with one path exchanged."""

from __future__ import annotations

import math

import pytest
import torch

from mi_course.induction_training import paths
from mi_course.induction_training.model import SIDES, AttentionOnly, Sizes

TINY = Sizes(n_layers=2, n_heads=3, d_model=10, d_head=4, n_tokens=7, n_ctx=6)


@pytest.fixture
def model():
    return AttentionOnly(TINY, seed=0)


def draw(seed, batch=2, pos=5):
    return torch.randint(0, 8, (batch, pos), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def by_loops(model, tokens):
    """One prompt's logits, head by head and query by query."""
    x = torch.stack([model.W_E[t] + model.W_pos[i] for i, t in enumerate(tokens)])
    for layer in range(2):
        added = torch.zeros_like(x)
        for head in range(3):
            q, k, v = (x @ W[layer, head] for W in (model.W_Q, model.W_K, model.W_V))
            for i in range(len(x)):
                weights = (k[: i + 1] @ q[i] / math.sqrt(4)).softmax(0)
                added[i] += weights @ v[: i + 1] @ model.W_O[layer, head]
        x = x + added
    return x @ model.W_U


def test_the_model_agrees_with_a_loop_over_heads_and_queries(model):
    tokens = draw(1)
    expected = torch.stack([by_loops(model, prompt.tolist()) for prompt in tokens])
    torch.testing.assert_close(model(tokens).detach(), expected, atol=1e-5, rtol=1e-4)


def test_patterns_have_their_axes_in_order_and_look_back_only(model):
    _, patterns = model.run(draw(1))
    assert patterns.shape == (2, 2, 3, 5, 5)
    torch.testing.assert_close(patterns.sum(-1), torch.ones(2, 2, 3, 5))
    assert not patterns.triu(1).any()


def test_weights_depend_on_the_seed_and_leave_the_global_state_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    one, same, other = (AttentionOnly(TINY, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.W_Q, same.W_Q)
    assert not torch.equal(one.W_Q, other.W_Q)
    assert TINY.bos == 7
    assert one.W_E.shape[0] == one.W_U.shape[1] == 8


def test_nothing_changes_where_no_side_is_swapped_or_the_prompts_are_the_same(model):
    tokens, others = draw(1), draw(2)
    logits, patterns = model.run(tokens)
    for swap in ((others, ()), (tokens, SIDES)):
        got, pattern = paths.swapped(model, tokens, swap[0], 1, swap[1])
        torch.testing.assert_close(got, logits.detach())
        torch.testing.assert_close(pattern, patterns[1].detach())


def test_each_side_reads_the_other_prompts_and_the_stream_stays(model):
    tokens, others = draw(1), draw(2)
    plain, pattern = paths.swapped(model, tokens, others, 1, ())
    by_side = {side: paths.swapped(model, tokens, others, 1, (side,)) for side in SIDES}
    for side, (logits, looked) in by_side.items():
        assert not torch.allclose(logits, plain, atol=1e-4)
        assert torch.allclose(looked, pattern) == (side == "value")
    # values add up: what is changed in the logits is W_O W_U of the exchanged part, nothing else
    with torch.no_grad():
        written = [
            model.heads(0, dict.fromkeys(SIDES, model.embed(t)))[1] for t in (tokens, others)
        ]
        change = (written[1] - written[0])[:, 1]
        moved = sum(
            pattern[:, h] @ change @ model.W_V[1, h] @ model.W_O[1, h] @ model.W_U for h in range(3)
        )
    torch.testing.assert_close(by_side["value"][0] - plain, moved, atol=1e-5, rtol=1e-4)


def test_a_side_or_a_model_that_does_not_fit_is_refused(model):
    one_layer = AttentionOnly(Sizes(n_layers=1), seed=0)
    for net, sides in ((model, ("keys",)), (one_layer, ("key",))):
        with pytest.raises(ValueError, match="two layers are needed, and sides are query, key"):
            paths.swapped(net, draw(1), draw(2), 0, sides)
