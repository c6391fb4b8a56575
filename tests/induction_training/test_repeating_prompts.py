"""Prompts that repeat, and what is measured on them: against the scores of week 2's chapter."""

from __future__ import annotations

import pytest
import torch

from mi_course import induction
from mi_course.induction_training import prompts, training
from mi_course.induction_training.model import Sizes


def two_copies(seq_len=5, batch=3):
    """BOS and different tokens, twice: what week 2 measures on."""
    generator = torch.Generator().manual_seed(0)
    half = torch.stack([torch.randperm(20, generator=generator)[:seq_len] for _ in range(batch)])
    return prompts.repeat_blocks(half.repeat(1, 2), torch.full((batch,), seq_len), 20)


def random_pattern(batch, n):
    scores = torch.randn(2, batch, n, n, generator=torch.Generator().manual_seed(1))
    return scores.masked_fill(torch.ones(n, n).triu(1).bool(), -torch.inf).softmax(-1)


def test_with_one_earlier_occurrence_the_score_is_the_prefix_matching_score():
    tokens = two_copies()
    pattern = random_pattern(3, 11)
    expected = induction.prefix_matching_score(pattern, 5).mean(-1)
    torch.testing.assert_close(prompts.matching_attention(pattern, tokens), expected)


def test_known_losses_are_the_second_halfs():
    losses = torch.rand(4, 10, generator=torch.Generator().manual_seed(2))
    _, second = induction.losses_by_half(losses)
    assert prompts.known_losses(losses, 5).mean().item() == pytest.approx(second.item())
    assert len(prompts.loss_by_repeat(losses, 4)) == 3


def test_prompts_have_the_periods_that_were_asked_for():
    sizes = Sizes()
    tokens = prompts.draw(sizes, torch.tensor([5, 11]), torch.Generator().manual_seed(0))
    assert tokens.shape == (2, sizes.n_ctx)
    assert (tokens[:, 0] == sizes.bos).all()
    for row, period in zip(tokens[:, 1:], (5, 11), strict=True):
        assert torch.equal(row[period:], row[:-period])
        assert not torch.equal(row[1:], row[:-1])


def test_no_recipe_trains_on_the_held_out_period():
    for recipe in training.RECIPES:
        generator = torch.Generator().manual_seed(0)
        drawn = prompts.spread(recipe.periods, 500, generator)
        assert set(drawn.tolist()) == set(recipe.periods)
        assert training.TRAINED in recipe.periods
        assert training.HELD_OUT not in recipe.periods
