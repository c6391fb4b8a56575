"""The claims of week 2: each is broken by what would make it false."""

from __future__ import annotations

import math

import pytest
import torch

from mi_course import ablation, models
from mi_course.claims import CANNOT_TELL, NO, YES, ClaimError, week2


@pytest.fixture(autouse=True)
def _forget():
    for experiment in (week2._scores, week2._costs):
        experiment.cache_clear()
    yield
    for experiment in (week2._scores, week2._costs):
        experiment.cache_clear()


@pytest.fixture(scope="module")
def pocket():
    return models.load("pocket", quiet=True)


@pytest.mark.slow  # that the first draws are the stored ones is asked of all claims in test_stored
@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (week2.repetition_is_used, YES),
        (week2.the_repeat_is_bet_on, YES),
        (week2.no_head_looks_at_the_duplicate, YES),
        (week2.same_heads_on_other_prompts, YES),
        (week2.score_stays_at_another_length, YES),
        (week2.one_induction_head_is_missed, NO),
        (week2.induction_heads_cost_more_together, YES),
        (week2.previous_token_head_is_missed, YES),
        (week2.induction_reads_the_previous_token_head, YES),
        (week2.best_writer_is_an_induction_head, YES),
    ],
)
def test_what_is_known_of_pocket(pocket, claim, verdict):
    assert claim(pocket, 10, 0).verdict == verdict


def test_a_model_without_induction_heads_does_not_use_the_repetition(pocket, monkeypatch):
    """A stand-in for such a model: pocket with the heads of its second layer silenced."""
    own, heads = week2.hooks.run_with_hooks, [(1, head) for head in range(4)]

    def without(model, tokens, changes):
        silence = ablation.ablation_hooks(model, tokens, heads, how="zero")
        return own(model, tokens, [*silence, *changes])

    monkeypatch.setattr(week2.hooks, "run_with_hooks", without)
    assert week2.repetition_is_used(pocket, 10, 0).verdict == NO


def test_a_model_that_raises_nothing_it_has_read_does_not_bet(pocket, monkeypatch):
    """A stand-in: an even guess over the ids, with a little noise, at every place."""
    low, high = week2.induction.random_ids(pocket)
    noise = torch.Generator().manual_seed(0)

    def even(logits, tokens):
        size = tokens[:, 1:].shape
        return math.log(high - low) + 0.01 * torch.randn(size, generator=noise)

    monkeypatch.setattr(week2.induction, "token_losses", even)
    assert week2.the_repeat_is_bet_on(pocket, 10, 0).verdict == NO


def test_the_bet_is_read_at_the_first_repeated_token_alone(pocket, monkeypatch):
    """One place later the model knows, and one place earlier nothing comes back."""
    own = week2.induction.token_losses

    def shifted(by):
        return lambda logits, tokens: own(logits, tokens).roll(by, 1)

    found = week2.the_repeat_is_bet_on(pocket, 10, 0)
    assert found.verdict == YES
    for by, larger in ((-1, True), (1, False)):
        monkeypatch.setattr(week2.induction, "token_losses", shifted(by))
        other = week2.the_repeat_is_bet_on(pocket, 10, 0)
        assert (other.low > found.high) if larger else (other.verdict != YES)


def test_a_head_at_the_threshold_moves_in_and_out_of_the_list(pocket, monkeypatch):
    score = week2._scores(pocket, 10, 0, week2.SEQ_LEN).induction[1, :, 0].mean().item()
    monkeypatch.setattr(week2, "THRESHOLD", score)
    assert week2.same_heads_on_other_prompts(pocket, 10, 0).verdict == CANNOT_TELL


def test_the_order_of_two_heads_alike_is_not_told(pocket, monkeypatch):
    own = week2.induction.prefix_matching_score
    noise = torch.Generator().manual_seed(0)

    def alike(patterns, seq_len):
        scores = own(patterns, seq_len)
        return scores.amax((0, 2), keepdim=True).expand_as(scores) + 1e-3 * torch.randn(
            scores.shape, generator=noise
        )

    monkeypatch.setattr(week2.induction, "prefix_matching_score", alike)
    assert week2.strongest_head_leads(pocket, 10, 0).verdict != YES


def test_heads_that_add_up_cost_no_more_together(pocket, monkeypatch):
    noise = torch.Generator().manual_seed(0)

    def adds_up(model, tokens, heads):
        cost = sum(1.0 + 0.02 * layer + 0.01 * head for layer, head in heads)
        return cost + 0.01 * torch.randn(len(tokens), generator=noise)

    monkeypatch.setattr(week2, "_loss_without", adds_up)
    assert week2.induction_heads_cost_more_together(pocket, 10, 0).verdict == NO
    assert week2.previous_token_head_is_missed(pocket, 10, 0).verdict == NO


def test_the_control_has_a_spread(pocket):
    costs = week2._costs(pocket, 10, 0)
    assert len(set(costs.drawn)) == len(costs.others) == 3
    assert costs.others.mean(1).std() > 0


def test_without_a_control_nothing_is_claimed(pocket, monkeypatch):
    """With so low a threshold every head of the second layer and one of the first are found."""
    monkeypatch.setattr(week2, "THRESHOLD", 0.0006)
    found = week2._scores(pocket, 10, 0, week2.SEQ_LEN).found
    assert 8 - len({*found, (0, 2)}) < 2
    with pytest.raises(ClaimError, match="no spread"):
        week2.previous_token_head_is_missed(pocket, 10, 0)


def test_where_no_head_does_induction_nothing_is_claimed(pocket, monkeypatch):
    monkeypatch.setattr(week2, "THRESHOLD", 1.0)
    with pytest.raises(ClaimError, match="nothing to ablate"):
        week2.induction_heads_cost_more_together(pocket, 10, 0)
