"""The claim of circuits in weights: broken by another head, and by a match that needs no head."""

from __future__ import annotations

import pytest
import torch

from mi_course.claims import NO, YES, ClaimError, week2_weights

CLAIM = week2_weights.keys_answer_to_the_previous_token_head


def test_on_pocket_the_keys_answer_to_the_previous_token_head(pocket):
    assert week2_weights._two_heads(pocket, 0)[0] == (0, 2)
    assert CLAIM(pocket, 10, 0).verdict == YES


def test_another_head_in_its_place_is_behind(pocket, monkeypatch):
    """Then the previous-token head is among the others, and one of them is ahead."""
    _, top = week2_weights._two_heads(pocket, 0)
    monkeypatch.setattr(week2_weights, "_two_heads", lambda model, seed: ((0, 0), top))
    found = CLAIM(pocket, 10, 0)
    assert found.verdict == NO
    assert found.effect < -50


def test_a_match_that_is_there_with_no_head_between_is_none(pocket, monkeypatch):
    """As where each token is most like itself: the last way is to read the token as it is."""
    own = week2_weights._ways

    def alike(model, later, seed):
        heads, ways = own(model, later, seed)
        return heads, torch.cat([ways[:-1], ways[heads.index((0, 2))][None]])

    monkeypatch.setattr(week2_weights, "_ways", alike)
    with pytest.raises(ClaimError, match=r"an effect of 0 .* exact, and no claim"):
        CLAIM(pocket, 10, 0)


def test_the_ways_are_the_earlier_heads_a_random_one_and_none(pocket):
    heads, ways = week2_weights._ways(pocket, 1, 0)
    assert heads == [(0, head) for head in range(4)]
    assert len(ways) == 6
    assert torch.equal(ways[-1], torch.eye(pocket.cfg.d_model))
    assert torch.linalg.matrix_rank(ways[-2]) == pocket.cfg.d_head
    assert torch.equal(ways[2], (pocket.W_V[0, 2] @ pocket.W_O[0, 2]).detach())
