"""The functions on circuits in weights agree with a run of a model, and with the library's."""

from __future__ import annotations

import pytest
import torch

from mi_course import hooks, models
from mi_course.logit_lens import normalised
from mi_course.yours import weight_circuits

EARLIER, LATER = (0, 2), (1, 1)


@pytest.fixture(scope="module")
def model():
    return models.load("pocket", quiet=True)


@pytest.fixture(scope="module")
def seen(model):
    """What happened on one prompt: values at some hook points, by name."""
    tokens = torch.randint(257, 1793, (1, 9), generator=torch.Generator().manual_seed(0))
    points = ("hook_resid_pre", "attn.hook_attn_scores", "attn.hook_z")
    names = [f"blocks.{layer}.{point}" for layer in range(2) for point in points]
    return hooks.run_with_cache(model, tokens, names)[1]


def circuits(model, head):
    weights = (getattr(model, name)[head].detach() for name in ("W_Q", "W_K", "W_V", "W_O"))
    return weight_circuits.head_circuits(*weights)


def test_qk_and_the_bias_of_the_query_give_the_models_scores_up_to_what_a_softmax_ignores(
    model, seen
):
    layer, head = LATER
    x = normalised(model, seen[f"blocks.{layer}.hook_resid_pre"][0])
    QK, _ = circuits(model, LATER)
    keys = x @ model.W_K[LATER].detach()
    ours = (x @ QK @ x.T + keys @ model.b_Q[LATER].detach()) / model.cfg.d_head**0.5
    theirs = seen[f"blocks.{layer}.attn.hook_attn_scores"][0, head]
    for query in range(1, len(x)):
        difference = (ours - theirs)[query, : query + 1]
        assert difference == pytest.approx(difference.mean().expand(query + 1), abs=1e-4)


def test_ov_writes_what_the_head_writes_where_it_looks_at_one_token_alone(model, seen):
    layer, head = EARLIER
    x = normalised(model, seen[f"blocks.{layer}.hook_resid_pre"][0])
    _, OV = circuits(model, EARLIER)
    # the first query can look at nothing but itself
    z = seen[f"blocks.{layer}.attn.hook_z"][0, 0, head]
    assert torch.allclose(x[0] @ OV, z @ model.W_O[EARLIER].detach(), atol=1e-5)


@pytest.mark.parametrize(("i", "mode"), list(enumerate("QKV")))
def test_composition_is_the_librarys(model, i, mode):
    scores = model.all_composition_scores(mode)
    theirs = getattr(scores, "scores", scores)[EARLIER][LATER]
    _, OV = circuits(model, EARLIER)
    ours = weight_circuits.composition_scores(OV, *circuits(model, LATER))[i]
    assert ours == pytest.approx(theirs.item(), rel=1e-4)


def test_a_head_that_writes_what_it_reads_copies_and_matches_every_token():
    d_model, vocab = 7, 7
    W_E = torch.linalg.qr(torch.randn(vocab, d_model, generator=torch.Generator().manual_seed(1))).Q
    ids, one = torch.tensor([4, 0, 6]), torch.eye(d_model)
    assert weight_circuits.copy_ranks(W_E[ids], one, W_E.T, ids).tolist() == [0, 0, 0]
    assert weight_circuits.copy_ranks(W_E[ids], -one, W_E.T, ids).tolist() == [vocab - 1] * 3
    table = weight_circuits.match_table(W_E, 2 * one, 3 * one)
    assert torch.allclose(table, 6 * torch.eye(vocab), atol=1e-5)
